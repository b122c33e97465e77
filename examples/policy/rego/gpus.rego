# What a plan may do, for OPA and conftest. The numbers and names are in limits.json beside this file.
#
#   conftest test --policy examples/policy/rego --data examples/policy/rego/limits.json plan.json
#   opa eval --data examples/policy/rego --input plan.json --fail-defined 'data.main.deny[_]'
#
# Every message of `deny` is a reason to refuse the plan; a message of `warn` is something to look at.
package main

import rego.v1

# A policy that finds nothing because it was given nothing must not pass.
deny contains "no limits were given: load limits.json as data" if not data.limits

deny contains "this is not a plan of esnode" if not input.esnode_version

deny contains msg if {
	some change in input.resource_changes
	change.type == "process"
	"delete" in change.change.actions
	msg := sprintf("%s: ends the process %s", [change.address, change.change.before.name])
}

deny contains msg if {
	some change in input.resource_changes
	change.type == "node"
	some action in change.change.actions
	action in {"create", "update"}
	msg := sprintf("%s: moves pods away from the node", [change.address])
}

deny contains msg if {
	some change in input.resource_changes
	watts := change.change.after.power_limit_watts
	watts < data.limits.power_limit_watts
	msg := sprintf("%s: %v W is below the floor of %v W", [change.address, watts, data.limits.power_limit_watts])
}

deny contains msg if {
	gpus := {change.address | some change in input.resource_changes; change.type == "gpu"}
	count(gpus) > data.limits.gpus
	msg := sprintf("%v GPUs are changed, at most %v may be at a time", [count(gpus), data.limits.gpus])
}

deny contains msg if {
	some profile in input.profiles
	not profile.name in data.limits.profiles
	msg := sprintf("the profile %s is not one of the approved ones", [profile.name])
}

warn contains msg if {
	some drift in input.resource_drift
	msg := sprintf("%s: changed outside of esnode (%s)", [drift.address, drift.cause])
}

warn contains "not every GPU could be read" if input.complete == false
