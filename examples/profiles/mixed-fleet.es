# A mixed fleet: several profiles in one file, each for its own kind of GPU.
#
# A selector's value is a text, a glob or a list of them (any may match), without regard to case.
# All keys must match.
apiVersion: v1
kind: EfficiencyProfile
metadata:
  name: fleet-hopper
  description: H100 and H200 of the training zone.
  version: "1.2.0"
  labels:
    owner: platform-team
selectors:
  matchTags:
    gpu_model: [H100, H200]
    driver_version: "5[5-9]?.*"  # 550 to 599
  matchLabels:
    workload_type: training
settings:
  power_limit_watts: 600
  graphics_clock_mhz: {min: 1200, max: 1980}
policies: []
---
apiVersion: v1
kind: EfficiencyProfile
metadata:
  name: fleet-inference
  description: Small boards that serve models.
  version: "1.2.0"
selectors:
  matchTags:
    gpu_model: [T4, L4, A1?]
settings:
  persistence_mode: true
  compute_mode: default
policies:
  - name: stay-cool
    target: gpu_temp_celsius
    condition: "> 80"
    duration: 1m
    action:
      type: throttle_power
      parameters: {step_watts: 5, min_watts: 50}
