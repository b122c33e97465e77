"""What a control loop tells over HTTP: metrics, health, its last plan."""
