# Licensed under the Apache License, Version 2.0; see LICENSE.

"""What ovs-tnl-gso(8) is made of.

daemon.py asks ovs-vswitchd, metrics.py reads what it answers; top.py, serve.py
and report.py are the commands."""
