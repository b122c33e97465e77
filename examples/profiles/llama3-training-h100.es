apiVersion: v1
kind: EfficiencyProfile
metadata:
  name: "llama3-training-h100"
  description: "High-performance profile for Llama 3 training on H100s. Prioritizes throughput over power saving."
  version: "1.0.0"

# SELECTORS: Who does this apply to?
selectors:
  matchTags:
    gpu_model: "H100"
    cluster_zone: "us-east-1"
  matchLabels:
    workload_type: "training"

# POLICIES: The rules of the road
policies:
  - name: "thermal-safety"
    description: "Prevent GPU overheating to avoid hardware damage."
    target: "gpu_temp_celsius"
    condition: "> 82"
    action:
      type: "throttle_power"
      parameters:
        step_watts: 50
        min_watts: 300
    severity: "critical"

  - name: "idle-power-save"
    description: "Aggressively downclock if GPU is idle for >5 mins."
    target: "gpu_utilization"
    condition: "< 5%"
    duration: "5m"
    action:
      type: "lock_clock"
      parameters:
        frequency_mhz: 210  # Idle clock
    severity: "info"

  - name: "efficiency-enforcement"
    description: "Ensure we are getting good tokens/watt."
    target: "tokens_per_watt"
    condition: "< 0.5"
    action:
      type: "alert"
      channel: "slack-devops"
