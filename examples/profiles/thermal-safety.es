# Thermal safety: cool a hot GPU down before it slows itself down, and tell somebody.
#
# Each step takes 25 W from the power limit, never below 250 W. When the GPU has been cooler than 76 degrees for
# ten minutes, the watts come back, one step at a time.
apiVersion: v1
kind: EfficiencyProfile
metadata:
  name: thermal-safety
  description: Lower the power limit of hot GPUs, step by step.
  version: "1.0.0"

policies:
  - name: cool-down
    description: Two minutes above 83 degrees is not a peak any more.
    target: gpu_temp_celsius
    condition: "> 83"
    duration: 2m
    action:
      type: throttle_power
      parameters:
        step_watts: 25
        min_watts: 250
    severity: warning
    release:
      condition: "< 76"
      duration: 10m

  - name: hot-memory
    description: HBM has a limit of its own, and no fan curve knows it.
    target: gpu_memory_temp_celsius
    condition: ">= 95C"
    duration: 1m
    action:
      type: throttle_power
      parameters:
        step_watts: 50
        min_watts: 250
    severity: critical
