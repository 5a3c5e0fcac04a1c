# Included by Open vSwitch's utilities/automake.mk: paths are those of its tree,
# in which this directory is utilities/tnl-gso.

bin_SCRIPTS += utilities/tnl-gso/ovs-tnl-gso
man_MANS += utilities/tnl-gso/ovs-tnl-gso.8

# Open vSwitch's own library is in the same directory.
ovs_tnl_gso_pythondir = $(pkgdatadir)/python/ovs_tnl_gso
ovs_tnl_gso_python_DATA = \
	utilities/tnl-gso/ovs_tnl_gso/__init__.py \
	utilities/tnl-gso/ovs_tnl_gso/addresses.py \
	utilities/tnl-gso/ovs_tnl_gso/daemon.py \
	utilities/tnl-gso/ovs_tnl_gso/main.py \
	utilities/tnl-gso/ovs_tnl_gso/metrics.py \
	utilities/tnl-gso/ovs_tnl_gso/report.py \
	utilities/tnl-gso/ovs_tnl_gso/serve.py \
	utilities/tnl-gso/ovs_tnl_gso/top.py \
	utilities/tnl-gso/ovs_tnl_gso/view.py

# For systemd, Prometheus, Grafana and bpftrace.
ovs_tnl_gsodir = $(pkgdatadir)/tnl-gso
ovs_tnl_gso_DATA = \
	utilities/tnl-gso/ovs-tnl-gso.dashboard.json \
	utilities/tnl-gso/ovs-tnl-gso.rules.yml \
	utilities/tnl-gso/ovs-tnl-gso.service \
	utilities/tnl-gso/tnl-gso-cuts.bt \
	utilities/tnl-gso/tnl-gso-drops.bt

EXTRA_DIST += \
	utilities/tnl-gso/ovs-tnl-gso \
	utilities/tnl-gso/ovs-tnl-gso.8 \
	$(ovs_tnl_gso_DATA) \
	$(ovs_tnl_gso_python_DATA)

FLAKE8_PYFILES += \
	utilities/tnl-gso/ovs-tnl-gso \
	$(ovs_tnl_gso_python_DATA)
