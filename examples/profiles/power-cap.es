# Plain settings: what every selected GPU should be set to, with no rule at all.
#
# A percentage is a share of the board's own default, so that one profile suits boards of every size.
apiVersion: v1
kind: EfficiencyProfile
metadata:
  name: power-cap
  description: Every data-centre GPU at 80 % of its default power limit.
  version: "1.0.0"

settings:
  persistence_mode: true # without it, the limit is lost when the last program closes the GPU
  power_limit_watts: "80%"

policies: []
