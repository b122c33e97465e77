# Alerting only: watch, and never touch a setting.
#
# The channels are defined in the node file, so that no address and no secret stands in a profile.
apiVersion: v1
kind: EfficiencyProfile
metadata:
  name: alerting
  description: Tell people what they should look at.
  version: "1.0.0"

policies:
  - name: memory-nearly-full
    description: The next allocation may fail.
    target: memory_allocated_percent
    condition: ">= 97%"
    duration: 5m
    action:
      type: alert
      channel: oncall
    severity: warning

  - name: ecc-errors
    description: Uncorrected errors mean wrong results; the board should be drained and looked at.
    target: ecc_uncorrected_errors
    condition: "> 0"
    action:
      type: alert
      parameters:
        channel: oncall
        repeat: 4h
    severity: critical

  - name: power-brake
    description: The power supply asked the board to slow down.
    target: throttle_reason_hw_power_brake_slowdown
    condition: "== 1"
    duration: 30s
    action:
      type: alert
      channel: facility
    severity: critical
