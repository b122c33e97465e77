# Last resort: end a process, or move the pods away, when everything milder has failed.
#
# Both actions can be forbidden for a machine in its node file (`forbid: [kill_process, migrate_pod]`).
apiVersion: v1
kind: EfficiencyProfile
metadata:
  name: last-resort
  description: For GPUs that stay dangerously hot although their power limit was lowered.
  version: "1.0.0"

policies:
  - name: move-away
    description: Tell the scheduler, cordon the node and evict the pods that hold a GPU.
    target: gpu_temp_celsius
    condition: "> 90"
    duration: 5m
    action:
      type: migrate_pod
      parameters:
        node_condition: GpuOverheated
    severity: critical

  - name: end-the-cause
    description: Nobody moved, and it is still too hot.
    target: gpu_temp_celsius
    condition: "> 93"
    duration: 10m
    action:
      type: kill_process
      parameters:
        grace_period_seconds: 60
    severity: critical
