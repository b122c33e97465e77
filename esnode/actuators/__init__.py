"""What changes the world, one file per type of resource. Only `esnode.engine.apply` is handed these."""
