"""Small captures for tests: one GPU with only the fields that esnode reads."""

from __future__ import annotations

NEW = """<?xml version="1.0" ?>
<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v13.dtd">
<nvidia_smi_log>
<timestamp>Sat Aug  1 08:54:01 2026</timestamp>
<driver_version>580.105.08</driver_version>
<cuda_version>13.0</cuda_version>
<gpu id="00000000:53:00.0">
<product_name>NVIDIA H100 80GB HBM3</product_name>
<product_architecture>Hopper</product_architecture>
<performance_state>P2</performance_state><persistence_mode>Disabled</persistence_mode>
<mig_mode><current_mig>Enabled</current_mig></mig_mode>
<uuid>GPU-5d1f0000-0000-0000-0000-000000000000</uuid>
<pci><pci_bus_id>00000000:53:00.0</pci_bus_id></pci>
<clocks_event_reasons>
<clocks_event_reason_gpu_idle>Not Active</clocks_event_reason_gpu_idle>
<clocks_event_reason_sw_power_cap>Active</clocks_event_reason_sw_power_cap>
</clocks_event_reasons>
<fb_memory_usage><total>80000 MiB</total><reserved>480 MiB</reserved><used>20000 MiB</used></fb_memory_usage>
<compute_mode>Exclusive_Process</compute_mode>
<utilization><gpu_util>97 %</gpu_util><memory_util>41 %</memory_util></utilization>
<ecc_errors><volatile>
<sram_correctable>9</sram_correctable>
<sram_uncorrectable_parity>1</sram_uncorrectable_parity>
<sram_uncorrectable_secded>2</sram_uncorrectable_secded>
<dram_uncorrectable>N/A</dram_uncorrectable>
</volatile></ecc_errors>
<temperature>
<gpu_temp>71 C</gpu_temp><gpu_temp_tlimit>16 C</gpu_temp_tlimit><memory_temp>80 C</memory_temp>
</temperature>
<gpu_power_readings>
<average_power_draw>N/A</average_power_draw>
<instant_power_draw>612.34 W</instant_power_draw>
<current_power_limit>600.00 W</current_power_limit>
<requested_power_limit>650.00 W</requested_power_limit>
<default_power_limit>700.00 W</default_power_limit>
<min_power_limit>200.00 W</min_power_limit>
<max_power_limit>700.00 W</max_power_limit>
</gpu_power_readings>
<clocks><graphics_clock>1755 MHz</graphics_clock><sm_clock>1755 MHz</sm_clock><mem_clock>2617 MHz</mem_clock></clocks>
<supported_clocks>
<supported_mem_clock><value>2619 MHz</value>
<supported_graphics_clock>1980 MHz</supported_graphics_clock>
<supported_graphics_clock>345 MHz</supported_graphics_clock></supported_mem_clock>
<supported_mem_clock><value>1593 MHz</value>
<supported_graphics_clock>345 MHz</supported_graphics_clock></supported_mem_clock>
</supported_clocks>
<processes>
<process_info><pid>4711</pid><type>C</type></process_info>
<process_info><pid>4711</pid><type>G</type></process_info>
<process_info><pid>4712</pid><type>C</type></process_info>
</processes>
</gpu>
</nvidia_smi_log>
"""

OLD = """<?xml version="1.0" ?>
<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v11.dtd">
<nvidia_smi_log>
<timestamp>Mon Mar  6 10:00:00 2023</timestamp>
<driver_version>470.161.03</driver_version>
<cuda_version>11.4</cuda_version>
<gpu id="00000000:00:1E.0">
<product_name>Tesla V100-SXM2-16GB</product_name>
<persistence_mode>Enabled</persistence_mode>
<mig_mode><current_mig>N/A</current_mig></mig_mode>
<uuid>GPU-0ld00000-0000-0000-0000-000000000000</uuid>
<pci><pci_bus_id>00000000:00:1E.0</pci_bus_id></pci>
<clocks_throttle_reasons>
<clocks_throttle_reason_gpu_idle>Active</clocks_throttle_reason_gpu_idle>
</clocks_throttle_reasons>
<fb_memory_usage><total>16160 MiB</total><used>4040 MiB</used></fb_memory_usage>
<compute_mode>Default</compute_mode>
<utilization><gpu_util>5 %</gpu_util><memory_util>0 %</memory_util></utilization>
<ecc_errors><volatile><double_bit><device_memory>3</device_memory><total>4</total></double_bit></volatile></ecc_errors>
<temperature><gpu_temp>35 C</gpu_temp><memory_temp>32 C</memory_temp></temperature>
<power_readings>
<power_draw>42.50 W</power_draw>
<power_limit>250.00 W</power_limit>
<default_power_limit>300.00 W</default_power_limit>
<enforced_power_limit>240.00 W</enforced_power_limit>
<min_power_limit>150.00 W</min_power_limit>
<max_power_limit>300.00 W</max_power_limit>
</power_readings>
<clocks><sm_clock>1312 MHz</sm_clock></clocks>
<supported_clocks>N/A</supported_clocks>
<processes></processes>
</gpu>
</nvidia_smi_log>
"""
