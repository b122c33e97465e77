# A heading.
apiVersion: v1
kind: EfficiencyProfile
metadata:
  name: "imported-h100"
  description: "GPU-0"
  version: "1.0.0"

selectors:
  matchTags:
    gpu_uuid:
      - "GPU-00000000-0000-0000-0000-000000000000"

settings:
  persistence_mode: true
  # power_limit_watts: 700  # the default
  # graphics_clock_mhz: no driver can tell whether it is locked
  # memory_clock_mhz: no driver can tell whether it is locked
  # compute_mode: default  # the default

policies: []
---
apiVersion: v1
kind: EfficiencyProfile
metadata:
  name: "imported-h100-2"
  description: "GPU-1"
  version: "1.0.0"

selectors:
  matchTags:
    gpu_uuid:
      - "GPU-00000001-0000-0000-0000-000000000000"

settings:
  persistence_mode: true
  power_limit_watts: 555.5
  # graphics_clock_mhz: no driver can tell whether it is locked
  # memory_clock_mhz: no driver can tell whether it is locked
  # compute_mode: not read

policies: []
