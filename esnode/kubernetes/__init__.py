"""The only home of lightkube: the cluster that this machine is a node of. Nothing is imported here."""
