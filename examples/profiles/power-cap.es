# A plain power cap: every GPU at 80 % of its board's default, kept across clients by persistence mode.
apiVersion: v1
kind: EfficiencyProfile
metadata:
  name: power-cap
  description: Cap power at 80 % of each board's default.
  version: "1.0.0"

settings:
  persistence_mode: true
  power_limit_watts: 80%

policies: []
