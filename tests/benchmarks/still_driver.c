/* A driver library that answers at once, from a picture of a machine in a mapped file ($STILL_DRIVER).

   What a plan and an apply of power limits call, and no more: another symbol is not there, as with an old driver. The
   file is written by still.py, which lays it out in the same order; power limits and persistence mode are changed in
   it, so that separate processes see one machine. Structures and return codes are those of nvml.h. */

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7,
       DRIVER_NOT_LOADED = 9, VERSION_MISMATCH = 25 };
enum { SM_CLOCK = 1, MEMORY_CLOCK = 2, MEMORY_TEMPERATURE = 82, UINT_VALUE = 1 };

typedef uint32_t u32;
typedef uint64_t u64;

typedef struct {
    char uuid[96], name[96], bus_id_legacy[16], bus_id[32];
    u32 domain, bus, device, pci_device, pci_subsystem;
    u32 architecture, mig_current, mig_pending, persistence, compute_mode;
    u32 limit, limit_default, limit_min, limit_max, draw;
    int32_t temperature, margin;
    u32 memory_temperature, utilization, memory_utilization, sm_clock, memory_clock, performance_state;
    u32 memory_clock_count, memory_clocks[8], graphics_clock_count, graphics_clocks[512];
    u64 memory_total, memory_reserved, memory_free, memory_used, energy, event_reasons, ecc_errors;
} Gpu;

typedef struct {
    char driver[80], nvml[80];
    u32 cuda, count;
    Gpu gpus[];
} Machine;

typedef struct { char legacy[16]; u32 domain, bus, device, pci_device, pci_subsystem; char bus_id[32]; } Pci;
typedef struct { u32 version; u64 total, reserved, free, used; } MemoryV2;
typedef struct { u32 version, sensor; int32_t celsius; } TemperatureV1;
typedef struct { u32 version; int32_t celsius; } MarginV1;
typedef struct { u32 gpu, memory; } Rates;
typedef struct { u32 field, scope; int64_t timestamp, latency; u32 type, code; u64 value; } Field;

static Machine *machine;
static int opened;

int nvmlInitWithFlags(u32 flags) {
    (void)flags;
    if (!machine) {
        const char *path = getenv("STILL_DRIVER");
        int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
        struct stat found;
        if (file < 0) return DRIVER_NOT_LOADED;
        if (fstat(file, &found) == 0) {
            void *page = mmap(NULL, (size_t)found.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            machine = page == MAP_FAILED ? NULL : page;
        }
        close(file);
        if (!machine) return DRIVER_NOT_LOADED;
    }
    opened++;
    return SUCCESS;
}

int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }

int nvmlShutdown(void) {
    if (!opened) return UNINITIALIZED;
    opened--;
    return SUCCESS;
}

const char *nvmlErrorString(int code) {
    (void)code;
    return "an error of the still driver";
}

static int text(char *to, u32 size, const char *from) {
    if (!opened) return UNINITIALIZED;
    if (!to) return INVALID_ARGUMENT;
    if (strlen(from) + 1 > size) return INSUFFICIENT_SIZE;
    strcpy(to, from);
    return SUCCESS;
}

int nvmlSystemGetDriverVersion(char *to, u32 size) { return opened ? text(to, size, machine->driver) : UNINITIALIZED; }
int nvmlSystemGetNVMLVersion(char *to, u32 size) { return opened ? text(to, size, machine->nvml) : UNINITIALIZED; }

static int put(u32 *to, u32 value) {
    if (!to) return INVALID_ARGUMENT;
    *to = value;
    return SUCCESS;
}

int nvmlSystemGetCudaDriverVersion(u32 *to) { return opened ? put(to, machine->cuda) : UNINITIALIZED; }
int nvmlSystemGetCudaDriverVersion_v2(u32 *to) { return nvmlSystemGetCudaDriverVersion(to); }
int nvmlDeviceGetCount_v2(u32 *to) { return opened ? put(to, machine->count) : UNINITIALIZED; }

/* -- handles: a GPU's place in the file ---------------------------------------------------------------------------- */

static int check(const Gpu *gpu) {
    if (!opened) return UNINITIALIZED;
    return gpu >= machine->gpus && gpu < machine->gpus + machine->count ? SUCCESS : INVALID_ARGUMENT;
}

int nvmlDeviceGetHandleByIndex_v2(u32 index, Gpu **to) {
    if (!opened) return UNINITIALIZED;
    if (!to || index >= machine->count) return INVALID_ARGUMENT;
    *to = machine->gpus + index;
    return SUCCESS;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, Gpu **to) {
    if (!opened) return UNINITIALIZED;
    if (!to || !uuid) return INVALID_ARGUMENT;
    for (u32 index = 0; index < machine->count; index++)
        if (strcmp(machine->gpus[index].uuid, uuid) == 0) return nvmlDeviceGetHandleByIndex_v2(index, to);
    return NOT_FOUND;
}

/* -- what a GPU says ----------------------------------------------------------------------------------------------- */

#define TEXT(symbol, member)                                                                                           \
    int symbol(Gpu *gpu, char *to, u32 size) {                                                                         \
        int code = check(gpu);                                                                                         \
        return code ? code : text(to, size, gpu->member);                                                              \
    }
#define NUMBER(symbol, type, expression)                                                                               \
    int symbol(Gpu *gpu, type *to) {                                                                                   \
        int code = check(gpu);                                                                                         \
        if (code || !to) return code ? code : INVALID_ARGUMENT;                                                        \
        *to = (type)(expression);                                                                                      \
        return SUCCESS;                                                                                                \
    }
#define PAIR(symbol, first, second)                                                                                    \
    int symbol(Gpu *gpu, u32 *one, u32 *other) {                                                                       \
        int code = check(gpu);                                                                                         \
        if (code || !one || !other) return code ? code : INVALID_ARGUMENT;                                             \
        *one = gpu->first;                                                                                             \
        *other = gpu->second;                                                                                          \
        return SUCCESS;                                                                                                \
    }

TEXT(nvmlDeviceGetUUID, uuid)
TEXT(nvmlDeviceGetName, name)
NUMBER(nvmlDeviceGetIndex, u32, gpu - machine->gpus)
NUMBER(nvmlDeviceGetArchitecture, u32, gpu->architecture)
NUMBER(nvmlDeviceGetPersistenceMode, u32, gpu->persistence)
NUMBER(nvmlDeviceGetComputeMode, u32, gpu->compute_mode)
NUMBER(nvmlDeviceGetPowerUsage, u32, gpu->draw < gpu->limit ? gpu->draw : gpu->limit)
NUMBER(nvmlDeviceGetPowerManagementLimit, u32, gpu->limit)
NUMBER(nvmlDeviceGetPowerManagementDefaultLimit, u32, gpu->limit_default)
NUMBER(nvmlDeviceGetEnforcedPowerLimit, u32, gpu->limit)
NUMBER(nvmlDeviceGetTotalEnergyConsumption, u64, gpu->energy)
NUMBER(nvmlDeviceGetCurrentClocksEventReasons, u64, gpu->event_reasons)
NUMBER(nvmlDeviceGetCurrentClocksThrottleReasons, u64, gpu->event_reasons)
NUMBER(nvmlDeviceGetPerformanceState, u32, gpu->performance_state)
PAIR(nvmlDeviceGetMigMode, mig_current, mig_pending)
PAIR(nvmlDeviceGetPowerManagementLimitConstraints, limit_min, limit_max)

int nvmlDeviceGetPciInfo_v3(Gpu *gpu, Pci *to) {
    int code = check(gpu);
    if (code || !to) return code ? code : INVALID_ARGUMENT;
    *to = (Pci){.domain = gpu->domain, .bus = gpu->bus, .device = gpu->device,
                .pci_device = gpu->pci_device, .pci_subsystem = gpu->pci_subsystem};
    memcpy(to->legacy, gpu->bus_id_legacy, sizeof to->legacy);
    memcpy(to->bus_id, gpu->bus_id, sizeof to->bus_id);
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo_v2(Gpu *gpu, MemoryV2 *to) {
    int code = check(gpu);
    if (code || !to) return code ? code : INVALID_ARGUMENT;
    if (to->version != (sizeof *to | 2u << 24)) return VERSION_MISMATCH;
    *to = (MemoryV2){to->version, gpu->memory_total, gpu->memory_reserved, gpu->memory_free, gpu->memory_used};
    return SUCCESS;
}

int nvmlDeviceGetTemperatureV(Gpu *gpu, TemperatureV1 *to) {
    int code = check(gpu);
    if (code || !to) return code ? code : INVALID_ARGUMENT;
    if (to->version != (sizeof *to | 1u << 24)) return VERSION_MISMATCH;
    if (to->sensor) return INVALID_ARGUMENT;
    to->celsius = gpu->temperature;
    return SUCCESS;
}

int nvmlDeviceGetTemperature(Gpu *gpu, u32 sensor, u32 *to) {
    int code = check(gpu);
    return code ? code : sensor ? INVALID_ARGUMENT : put(to, (u32)gpu->temperature);
}

int nvmlDeviceGetMarginTemperature(Gpu *gpu, MarginV1 *to) {
    int code = check(gpu);
    if (code || !to) return code ? code : INVALID_ARGUMENT;
    if (to->version != (sizeof *to | 1u << 24)) return VERSION_MISMATCH;
    to->celsius = gpu->margin;
    return SUCCESS;
}

int nvmlDeviceGetUtilizationRates(Gpu *gpu, Rates *to) {
    int code = check(gpu);
    if (code || !to) return code ? code : INVALID_ARGUMENT;
    *to = (Rates){gpu->utilization, gpu->memory_utilization};
    return SUCCESS;
}

int nvmlDeviceGetClockInfo(Gpu *gpu, u32 clock, u32 *to) {
    int code = check(gpu);
    if (code) return code;
    return clock == SM_CLOCK ? put(to, gpu->sm_clock) : clock == MEMORY_CLOCK ? put(to, gpu->memory_clock) : NOT_SUPPORTED;
}

int nvmlDeviceGetTotalEccErrors(Gpu *gpu, u32 kind, u32 counter, u64 *to) {
    int code = check(gpu);
    if (code || !to || kind > 1 || counter > 1) return code ? code : INVALID_ARGUMENT;
    *to = gpu->ecc_errors;
    return SUCCESS;
}

int nvmlDeviceGetFieldValues(Gpu *gpu, int count, Field *fields) {
    int code = check(gpu), worst = NOT_SUPPORTED;
    if (code || !fields || count < 1) return code ? code : INVALID_ARGUMENT;
    for (Field *field = fields; field < fields + count; field++) {
        field->code = field->field == MEMORY_TEMPERATURE && !field->scope ? SUCCESS : NOT_SUPPORTED;
        if (field->code) continue;
        field->type = UINT_VALUE;
        field->value = gpu->memory_temperature;
        worst = SUCCESS;
    }
    return worst;
}

/* -- lists: too small a buffer is INSUFFICIENT_SIZE, with the count ------------------------------------------------- */

static int list(u32 *count, u32 *to, u32 there, const u32 *from) {
    if (!count) return INVALID_ARGUMENT;
    u32 room = *count;
    *count = there;
    if (room < there || !to) return INSUFFICIENT_SIZE;
    memcpy(to, from, there * sizeof *from);
    return SUCCESS;
}

int nvmlDeviceGetSupportedMemoryClocks(Gpu *gpu, u32 *count, u32 *to) {
    int code = check(gpu);
    return code ? code : list(count, to, gpu->memory_clock_count, gpu->memory_clocks);
}

int nvmlDeviceGetSupportedGraphicsClocks(Gpu *gpu, u32 memory_clock, u32 *count, u32 *to) {
    int code = check(gpu);
    if (code) return code;
    for (u32 index = 0; index < gpu->memory_clock_count; index++)
        if (gpu->memory_clocks[index] == memory_clock)
            return list(count, to, gpu->graphics_clock_count, gpu->graphics_clocks);
    return NOT_FOUND;
}

static int no_processes(const Gpu *gpu, u32 *count) {
    int code = check(gpu);
    return code ? code : put(count, 0);
}

int nvmlDeviceGetComputeRunningProcesses_v3(Gpu *gpu, u32 *count, void *to) { (void)to; return no_processes(gpu, count); }
int nvmlDeviceGetGraphicsRunningProcesses_v3(Gpu *gpu, u32 *count, void *to) { (void)to; return no_processes(gpu, count); }
int nvmlDeviceGetMPSComputeRunningProcesses_v3(Gpu *gpu, u32 *count, void *to) { (void)to; return no_processes(gpu, count); }

/* -- what can be changed ------------------------------------------------------------------------------------------- */

int nvmlDeviceSetPowerManagementLimit(Gpu *gpu, u32 milliwatts) {
    int code = check(gpu);
    if (code) return code;
    if (milliwatts < gpu->limit_min || milliwatts > gpu->limit_max) return INVALID_ARGUMENT;
    gpu->limit = milliwatts;
    return SUCCESS;
}

int nvmlDeviceSetPersistenceMode(Gpu *gpu, u32 mode) {
    int code = check(gpu);
    if (code) return code;
    if (mode > 1) return INVALID_ARGUMENT;
    gpu->persistence = mode;
    return SUCCESS;
}
