# Idle downclock: a GPU without work does not need its boost clock.
#
# The lock is given back as soon as there is work again. That needs somebody who watches: run it with
# `esnode enforce`, not with a single `esnode apply`.
apiVersion: v1
kind: EfficiencyProfile
metadata:
  name: idle-downclock
  description: Lock the clock of idle GPUs low, and release it when work arrives.
  version: "1.0.0"

selectors:
  matchLabels:
    # Development machines only. A label that nobody gave does not match.
    workload_type: [notebook, "dev-*"]

policies:
  - name: idle
    target: gpu_utilization
    condition: "< 5%"
    duration: 10m
    action:
      type: lock_clock
      parameters:
        frequency_mhz: 210  # the nearest supported clock is used
