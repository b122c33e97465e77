"""Which symbols a driver's library exports, by branch.

From nvidia-ml-py's own releases: each names the functions of the driver it came with (12.535.161, 12.550.89,
12.570.172, 13.580.126, 13.590.48, 13.595.45, 13.615.71). For 535 and 550 the export tables of the real libraries
give the same numbers: 309 and 327 of the 408 names that 13.615 knows. A name without its prefix `nvml`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

_EXPORTS: Final = {
    535: """
        ComputeInstanceDestroy ComputeInstanceGetInfo_v2 DeviceClearAccountingPids DeviceClearCpuAffinity
        DeviceClearEccErrorCounts DeviceClearFieldValues DeviceCreateGpuInstance
        DeviceCreateGpuInstanceWithPlacement DeviceDiscoverGpus DeviceFreezeNvLinkUtilizationCounter
        DeviceGetAPIRestriction DeviceGetAccountingBufferSize DeviceGetAccountingMode DeviceGetAccountingPids
        DeviceGetAccountingStats DeviceGetActiveVgpus DeviceGetAdaptiveClockInfoStatus
        DeviceGetApplicationsClock DeviceGetArchitecture DeviceGetAttributes_v2
        DeviceGetAutoBoostedClocksEnabled DeviceGetBAR1MemoryInfo DeviceGetBoardId DeviceGetBoardPartNumber
        DeviceGetBrand DeviceGetBridgeChipInfo DeviceGetBusType DeviceGetClkMonStatus DeviceGetClock
        DeviceGetClockInfo DeviceGetComputeInstanceId DeviceGetComputeMode DeviceGetComputeRunningProcesses_v2
        DeviceGetComputeRunningProcesses_v3 DeviceGetConfComputeGpuAttestationReport
        DeviceGetConfComputeGpuCertificate DeviceGetConfComputeMemSizeInfo
        DeviceGetConfComputeProtectedMemoryUsage DeviceGetCount DeviceGetCount_v2 DeviceGetCpuAffinity
        DeviceGetCpuAffinityWithinScope DeviceGetCreatableVgpus DeviceGetCudaComputeCapability
        DeviceGetCurrPcieLinkGeneration DeviceGetCurrPcieLinkWidth DeviceGetCurrentClocksEventReasons
        DeviceGetCurrentClocksThrottleReasons DeviceGetDecoderUtilization DeviceGetDefaultApplicationsClock
        DeviceGetDefaultEccMode DeviceGetDetailedEccErrors DeviceGetDeviceHandleFromMigDeviceHandle
        DeviceGetDisplayActive DeviceGetDisplayMode DeviceGetDriverModel DeviceGetDynamicPstatesInfo
        DeviceGetEccMode DeviceGetEncoderCapacity DeviceGetEncoderSessions DeviceGetEncoderStats
        DeviceGetEncoderUtilization DeviceGetEnforcedPowerLimit DeviceGetFBCSessions DeviceGetFBCStats
        DeviceGetFanControlPolicy_v2 DeviceGetFanSpeed DeviceGetFanSpeed_v2 DeviceGetFieldValues
        DeviceGetGpcClkMinMaxVfOffset DeviceGetGpcClkVfOffset DeviceGetGpuFabricInfo DeviceGetGpuInstanceById
        DeviceGetGpuInstanceId DeviceGetGpuInstancePossiblePlacements_v2 DeviceGetGpuInstanceProfileInfo
        DeviceGetGpuInstanceProfileInfoV DeviceGetGpuInstanceRemainingCapacity DeviceGetGpuInstances
        DeviceGetGpuMaxPcieLinkGeneration DeviceGetGpuOperationMode DeviceGetGraphicsRunningProcesses_v2
        DeviceGetGraphicsRunningProcesses_v3 DeviceGetGridLicensableFeatures_v4 DeviceGetGspFirmwareMode
        DeviceGetGspFirmwareVersion DeviceGetHandleByIndex DeviceGetHandleByIndex_v2 DeviceGetHandleByPciBusId
        DeviceGetHandleByPciBusId_v2 DeviceGetHandleBySerial DeviceGetHandleByUUID DeviceGetHostVgpuMode
        DeviceGetIndex DeviceGetInforomConfigurationChecksum DeviceGetInforomImageVersion
        DeviceGetInforomVersion DeviceGetIrqNum DeviceGetJpgUtilization DeviceGetLastBBXFlushTime
        DeviceGetMPSComputeRunningProcesses_v2 DeviceGetMPSComputeRunningProcesses_v3 DeviceGetMaxClockInfo
        DeviceGetMaxCustomerBoostClock DeviceGetMaxMigDeviceCount DeviceGetMaxPcieLinkGeneration
        DeviceGetMaxPcieLinkWidth DeviceGetMemClkMinMaxVfOffset DeviceGetMemClkVfOffset DeviceGetMemoryAffinity
        DeviceGetMemoryBusWidth DeviceGetMemoryErrorCounter DeviceGetMemoryInfo DeviceGetMemoryInfo_v2
        DeviceGetMigDeviceHandleByIndex DeviceGetMigMode DeviceGetMinMaxClockOfPState DeviceGetMinMaxFanSpeed
        DeviceGetMinorNumber DeviceGetModuleId DeviceGetMultiGpuBoard DeviceGetName DeviceGetNumFans
        DeviceGetNumGpuCores DeviceGetNvLinkCapability DeviceGetNvLinkErrorCounter
        DeviceGetNvLinkRemoteDeviceType DeviceGetNvLinkRemotePciInfo_v2 DeviceGetNvLinkState
        DeviceGetNvLinkUtilizationControl DeviceGetNvLinkUtilizationCounter DeviceGetNvLinkVersion
        DeviceGetOfaUtilization DeviceGetP2PStatus DeviceGetPciInfo_v2 DeviceGetPciInfo_v3
        DeviceGetPcieLinkMaxSpeed DeviceGetPcieReplayCounter DeviceGetPcieSpeed DeviceGetPcieThroughput
        DeviceGetPerformanceState DeviceGetPersistenceMode DeviceGetPgpuMetadataString
        DeviceGetPowerManagementDefaultLimit DeviceGetPowerManagementLimit
        DeviceGetPowerManagementLimitConstraints DeviceGetPowerManagementMode DeviceGetPowerSource
        DeviceGetPowerState DeviceGetPowerUsage DeviceGetProcessUtilization DeviceGetRemappedRows
        DeviceGetRetiredPages DeviceGetRetiredPagesPendingStatus DeviceGetRetiredPages_v2
        DeviceGetRowRemapperHistogram DeviceGetRunningProcessDetailList DeviceGetSamples DeviceGetSerial
        DeviceGetSramEccErrorStatus DeviceGetSupportedClocksEventReasons DeviceGetSupportedClocksThrottleReasons
        DeviceGetSupportedEventTypes DeviceGetSupportedGraphicsClocks DeviceGetSupportedMemoryClocks
        DeviceGetSupportedPerformanceStates DeviceGetSupportedVgpus DeviceGetTargetFanSpeed DeviceGetTemperature
        DeviceGetTemperatureThreshold DeviceGetThermalSettings DeviceGetTopologyCommonAncestor
        DeviceGetTopologyNearestGpus DeviceGetTotalEccErrors DeviceGetTotalEnergyConsumption DeviceGetUUID
        DeviceGetUtilizationRates DeviceGetVbiosVersion DeviceGetVgpuCapabilities DeviceGetVgpuMetadata
        DeviceGetVgpuProcessUtilization DeviceGetVgpuSchedulerCapabilities DeviceGetVgpuSchedulerLog
        DeviceGetVgpuSchedulerState DeviceGetVgpuUtilization DeviceGetViolationStatus
        DeviceGetVirtualizationMode DeviceIsMigDeviceHandle DeviceModifyDrainState DeviceOnSameBoard
        DeviceQueryDrainState DeviceRegisterEvents DeviceRemoveGpu DeviceResetApplicationsClocks
        DeviceResetGpuLockedClocks DeviceResetMemoryLockedClocks DeviceResetNvLinkErrorCounters
        DeviceResetNvLinkUtilizationCounter DeviceSetAPIRestriction DeviceSetAccountingMode
        DeviceSetApplicationsClocks DeviceSetAutoBoostedClocksEnabled DeviceSetComputeMode
        DeviceSetConfComputeUnprotectedMemSize DeviceSetCpuAffinity DeviceSetDefaultAutoBoostedClocksEnabled
        DeviceSetDefaultFanSpeed_v2 DeviceSetDriverModel DeviceSetEccMode DeviceSetFanControlPolicy
        DeviceSetFanSpeed_v2 DeviceSetGpcClkVfOffset DeviceSetGpuLockedClocks DeviceSetGpuOperationMode
        DeviceSetMemClkVfOffset DeviceSetMemoryLockedClocks DeviceSetMigMode
        DeviceSetNvLinkDeviceLowPowerThreshold DeviceSetNvLinkUtilizationControl DeviceSetPersistenceMode
        DeviceSetPowerManagementLimit DeviceSetPowerManagementLimit_v2 DeviceSetTemperatureThreshold
        DeviceSetVgpuSchedulerState DeviceSetVirtualizationMode DeviceValidateInforom ErrorString EventSetCreate
        EventSetFree EventSetWait EventSetWait_v2 GetExcludedDeviceCount GetExcludedDeviceInfoByIndex
        GetVgpuCompatibility GetVgpuDriverCapabilities GetVgpuVersion GpmMetricsGet GpmMigSampleGet
        GpmQueryDeviceSupport GpmQueryIfStreamingEnabled GpmSampleAlloc GpmSampleFree GpmSampleGet
        GpmSetStreamingEnabled GpuInstanceCreateComputeInstance GpuInstanceCreateComputeInstanceWithPlacement
        GpuInstanceDestroy GpuInstanceGetComputeInstanceById GpuInstanceGetComputeInstancePossiblePlacements
        GpuInstanceGetComputeInstanceProfileInfo GpuInstanceGetComputeInstanceProfileInfoV
        GpuInstanceGetComputeInstanceRemainingCapacity GpuInstanceGetComputeInstances GpuInstanceGetInfo
        InitWithFlags Init_v2 SetVgpuVersion Shutdown SystemGetConfComputeCapabilities
        SystemGetConfComputeGpusReadyState SystemGetConfComputeState SystemGetCudaDriverVersion
        SystemGetCudaDriverVersion_v2 SystemGetDriverVersion SystemGetHicVersion SystemGetNVMLVersion
        SystemGetNvlinkBwMode SystemGetProcessName SystemGetTopologyGpuSet SystemSetConfComputeGpusReadyState
        SystemSetNvlinkBwMode UnitGetCount UnitGetDevices UnitGetFanSpeedInfo UnitGetHandleByIndex
        UnitGetLedState UnitGetPsuInfo UnitGetTemperature UnitGetUnitInfo UnitSetLedState
        VgpuInstanceClearAccountingPids VgpuInstanceGetAccountingMode VgpuInstanceGetAccountingPids
        VgpuInstanceGetAccountingStats VgpuInstanceGetEccMode VgpuInstanceGetEncoderCapacity
        VgpuInstanceGetEncoderSessions VgpuInstanceGetEncoderStats VgpuInstanceGetFBCSessions
        VgpuInstanceGetFBCStats VgpuInstanceGetFbUsage VgpuInstanceGetFrameRateLimit
        VgpuInstanceGetGpuInstanceId VgpuInstanceGetGpuPciId VgpuInstanceGetLicenseInfo_v2
        VgpuInstanceGetLicenseStatus VgpuInstanceGetMdevUUID VgpuInstanceGetMetadata VgpuInstanceGetType
        VgpuInstanceGetUUID VgpuInstanceGetVmDriverVersion VgpuInstanceGetVmID VgpuInstanceSetEncoderCapacity
        VgpuTypeGetCapabilities VgpuTypeGetClass VgpuTypeGetDeviceID VgpuTypeGetFrameRateLimit
        VgpuTypeGetFramebufferSize VgpuTypeGetGpuInstanceProfileId VgpuTypeGetLicense VgpuTypeGetMaxInstances
        VgpuTypeGetMaxInstancesPerVm VgpuTypeGetName VgpuTypeGetNumDisplayHeads VgpuTypeGetResolution
    """,
    550: """
        DeviceGetC2cModeInfoV DeviceGetGpuFabricInfoV DeviceGetNumaNodeId DeviceGetPciInfoExt
        DeviceGetProcessesUtilizationInfo DeviceGetVgpuHeterogeneousMode DeviceGetVgpuInstancesUtilizationInfo
        DeviceGetVgpuProcessesUtilizationInfo DeviceGetVgpuTypeCreatablePlacements
        DeviceGetVgpuTypeSupportedPlacements DeviceSetVgpuCapabilities DeviceSetVgpuHeterogeneousMode
        SystemGetConfComputeKeyRotationThresholdInfo SystemGetConfComputeSettings
        SystemSetConfComputeKeyRotationThresholdInfo VgpuInstanceGetPlacementId VgpuTypeGetFbReservation
        VgpuTypeGetGspHeapSize
    """,
    570: """
        DeviceGetCapabilities DeviceGetClockOffsets DeviceGetCoolerInfo DeviceGetCurrentClockFreqs
        DeviceGetDramEncryptionMode DeviceGetFanSpeedRPM DeviceGetMarginTemperature DeviceGetNvlinkBwMode
        DeviceGetNvlinkSupportedBwModes DeviceGetPerformanceModes DeviceGetPlatformInfo DeviceGetTemperatureV
        DevicePowerSmoothingActivatePresetProfile DevicePowerSmoothingSetState
        DevicePowerSmoothingUpdatePresetProfileParam DeviceReadWritePRM_v1 DeviceSetClockOffsets
        DeviceSetDramEncryptionMode DeviceSetNvlinkBwMode DeviceWorkloadPowerProfileClearRequestedProfiles
        DeviceWorkloadPowerProfileGetCurrentProfiles DeviceWorkloadPowerProfileGetProfilesInfo
        DeviceWorkloadPowerProfileSetRequestedProfiles SystemGetDriverBranch VgpuInstanceGetRuntimeStateSize
        VgpuTypeGetBAR1Info
    """,
    580: """
        DeviceGetAddressingMode DeviceGetGpuInstanceProfileInfoByIdV DeviceGetHandleByUUIDV DeviceGetHostname_v1
        DeviceGetNvLinkInfo DeviceGetPdi DeviceGetPowerMizerMode_v1 DeviceGetRepairStatus
        DeviceGetSramUniqueUncorrectedEccErrorCounts DeviceReadPRMCounters_v1 DeviceSetHostname_v1
        DeviceSetPowerMizerMode_v1 GpuInstanceGetActiveVgpus GpuInstanceGetCreatableVgpus
        GpuInstanceGetVgpuHeterogeneousMode GpuInstanceGetVgpuSchedulerLog GpuInstanceGetVgpuSchedulerState
        GpuInstanceGetVgpuTypeCreatablePlacements GpuInstanceSetVgpuHeterogeneousMode
        GpuInstanceSetVgpuSchedulerState SystemEventSetCreate SystemEventSetFree SystemEventSetWait
        SystemRegisterEvents VgpuTypeGetMaxInstancesPerGpuInstance
    """,
    590: """
        DeviceGetUnrepairableMemoryFlag_v1 DeviceSetRusdSettings_v1 DeviceWorkloadPowerProfileUpdateProfiles_v1
    """,
    595: """
        DeviceGetDriverModel_v2 DeviceGetVgpuSchedulerLog_v2 DeviceGetVgpuSchedulerState_v2
        DeviceSetVgpuSchedulerState_v2 DeviceVgpuForceGspUnload GpuInstanceGetVgpuSchedulerLog_v2
        GpuInstanceGetVgpuSchedulerState_v2 GpuInstanceSetVgpuSchedulerState_v2
    """,
    615: """
        DeviceGetAccountingStats_v2 DeviceGetAdaptiveTgpModeInfo_v1 DeviceGetBBXTimeData_v1
        DeviceGetBankRemapperStatus_v1 DeviceGetGpuFabricInfo_v4 DeviceGetMemoryLimits_v1
        DeviceGetNvLinkTelemetrySamples_v1 DeviceGetRemappedRows_v2 DevicePerfMetricsGetSamples_v1
        DeviceSetAdaptiveTgpMode_v1 DeviceSetMemoryLimits_v1 DeviceSetNvlinkBwModeAsync_v1
        EventSetGetContextCount_v1 EventSetGetContextData_v1 EventSetGetContextInfo_v1
        EventSetGetGpuOperationalEventContextLegacyXid_v1 EventSetRegisterGpuOperationalEvents_v1
        EventSetWait_v3 SystemGetCPER_v1
    """,
}
"""By the first of these branches that has them."""


@lru_cache(maxsize=8)
def exported_by(branch: int) -> frozenset[str]:
    """Every symbol of the libraries of a driver branch such as 580."""
    return frozenset(f"nvml{name}" for first, names in _EXPORTS.items() if first <= branch for name in names.split())
