"""Recordings of what GPUs showed: nvidia-smi's CSV, tables of one's own as CSV or Parquet, exports of Prometheus."""
