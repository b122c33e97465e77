"""What an observation asks of NVML, asked through NVIDIA's binding by a program that does nothing else.

Run by itself: it imports pynvml and nothing of esnode. Prints how many GPUs there are and how many facts it read.
"""

import pynvml

_MEMORY_V2 = 0x0200_0028
_MEMORY_TEMPERATURE = 82
_GETTERS = (
    (pynvml.nvmlDeviceGetUUID,),
    (pynvml.nvmlDeviceGetName,),
    (pynvml.nvmlDeviceGetPciInfo,),
    (pynvml.nvmlDeviceGetMemoryInfo, _MEMORY_V2),
    (pynvml.nvmlDeviceGetArchitecture,),
    (pynvml.nvmlDeviceGetMigMode,),
    (pynvml.nvmlDeviceGetPersistenceMode,),
    (pynvml.nvmlDeviceGetPowerManagementLimit,),
    (pynvml.nvmlDeviceGetComputeMode,),
    (pynvml.nvmlDeviceGetTemperatureV, pynvml.NVML_TEMPERATURE_GPU),
    (pynvml.nvmlDeviceGetUtilizationRates,),
    (pynvml.nvmlDeviceGetPowerUsage,),
    (pynvml.nvmlDeviceGetFieldValues, [_MEMORY_TEMPERATURE]),
    (pynvml.nvmlDeviceGetMarginTemperature,),
    (pynvml.nvmlDeviceGetClockInfo, pynvml.NVML_CLOCK_SM),
    (pynvml.nvmlDeviceGetPowerManagementDefaultLimit,),
    (pynvml.nvmlDeviceGetTotalEccErrors, pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, pynvml.NVML_VOLATILE_ECC),
    (pynvml.nvmlDeviceGetComputeRunningProcesses,),
    (pynvml.nvmlDeviceGetGraphicsRunningProcesses,),
    (pynvml.nvmlDeviceGetCurrentClocksEventReasons,),
    (pynvml.nvmlDeviceGetPowerManagementLimitConstraints,),
    (pynvml.nvmlDeviceGetEnforcedPowerLimit,),
    (pynvml.nvmlDeviceGetTotalEnergyConsumption,),
    (pynvml.nvmlDeviceGetPerformanceState,),
    (pynvml.nvmlDeviceGetClockInfo, pynvml.NVML_CLOCK_MEM),
)


def main() -> None:
    pynvml.nvmlInit()
    facts = [
        pynvml.nvmlSystemGetDriverVersion(),
        pynvml.nvmlSystemGetCudaDriverVersion(),
        pynvml.nvmlSystemGetNVMLVersion(),
    ]
    count = pynvml.nvmlDeviceGetCount()
    for index in range(count):
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        facts += [getter(handle, *arguments) for getter, *arguments in _GETTERS]
        clocks = pynvml.nvmlDeviceGetSupportedMemoryClocks(handle)
        facts += [pynvml.nvmlDeviceGetSupportedGraphicsClocks(handle, clock) for clock in clocks]
    pynvml.nvmlShutdown()
    print(f"{count} GPUs, {len(facts)} facts")


if __name__ == "__main__":
    main()
