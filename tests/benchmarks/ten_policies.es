# Ten policies, for measuring: one that a tenth of the GPUs needs, and nine that watch.
apiVersion: v1
kind: EfficiencyProfile
metadata:
  name: ten-policies
  description: What a large fleet is held to while its planning is measured.
  version: "1.0.0"

policies:
  - name: cool-down
    target: gpu_temp_celsius
    condition: "> 82"
    action: {type: throttle_power, parameters: {step_watts: 50, min_watts: 300}}
    severity: critical
  - name: hot-memory
    target: gpu_memory_temp_celsius
    condition: ">= 95C"
    action: {type: throttle_power, parameters: {step_watts: 50, min_watts: 250}}
    severity: critical
  - name: idle
    target: gpu_utilization
    condition: "< 5%"
    duration: 5m
    action: {type: lock_clock, parameters: {frequency_mhz: 210}}
    severity: info
  - name: memory-nearly-full
    target: memory_allocated_percent
    condition: ">= 97%"
    duration: 5m
    action: {type: alert, channel: oncall}
  - name: ecc-errors
    target: ecc_uncorrected_errors
    condition: "> 0"
    action: {type: alert, channel: oncall}
    severity: critical
  - name: power-brake
    target: throttle_reason_hw_power_brake_slowdown
    condition: "== 1"
    duration: 30s
    action: {type: alert, channel: facility}
    severity: critical
  - name: slowed-down
    target: throttle_reason_hw_thermal_slowdown
    condition: "== 1"
    duration: 30s
    action: {type: alert, channel: facility}
  - name: draws-too-much
    target: gpu_power_watts
    condition: "> 720"
    duration: 1m
    action: {type: alert, channel: facility}
  - name: slow-clock
    target: gpu_sm_clock_mhz
    condition: "< 500"
    duration: 10m
    action: {type: alert, channel: oncall}
  - name: crowded
    target: process_count
    condition: "> 32"
    action: {type: alert, channel: oncall}
