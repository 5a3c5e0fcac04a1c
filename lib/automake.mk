# Included by Open vSwitch's lib/automake.mk: paths are those of its tree, where
# this directory is lib/tnl-gso.
AM_CPPFLAGS += -I $(srcdir)/lib/tnl-gso

lib_libopenvswitch_la_SOURCES += \
	lib/tnl-gso/csum-copy-avx2.c \
	lib/tnl-gso/csum-copy-avx512.c \
	lib/tnl-gso/csum-copy-impl.h \
	lib/tnl-gso/csum-copy.c \
	lib/tnl-gso/csum-copy.h \
	lib/tnl-gso/encap/encap.c \
	lib/tnl-gso/encap/encap.h \
	lib/tnl-gso/encap/geneve.c \
	lib/tnl-gso/encap/gre.c \
	lib/tnl-gso/encap/list.h \
	lib/tnl-gso/encap/plain.c \
	lib/tnl-gso/encap/stt.c \
	lib/tnl-gso/encap/vxlan.c \
	lib/tnl-gso/netdev-dpdk-drivers.c \
	lib/tnl-gso/netdev-dpdk-drivers.h \
	lib/tnl-gso/netdev-dummy-tnl.c \
	lib/tnl-gso/netdev-dummy-tnl.h \
	lib/tnl-gso/netdev-linux-big.c \
	lib/tnl-gso/netdev-linux-big.h \
	lib/tnl-gso/netdev-linux-ufo.c \
	lib/tnl-gso/netdev-linux-ufo.h \
	lib/tnl-gso/netdev-linux-vnet.c \
	lib/tnl-gso/netdev-linux-vnet.h \
	lib/tnl-gso/netdev-stt.c \
	lib/tnl-gso/netdev-stt.h \
	lib/tnl-gso/stt-config.c \
	lib/tnl-gso/stt-count.c \
	lib/tnl-gso/stt-frame.c \
	lib/tnl-gso/stt-frame.h \
	lib/tnl-gso/stt-header.c \
	lib/tnl-gso/stt-header.h \
	lib/tnl-gso/stt-ledger.c \
	lib/tnl-gso/stt-ledger.h \
	lib/tnl-gso/stt-reasm.c \
	lib/tnl-gso/stt-reasm.h \
	lib/tnl-gso/stt-unixctl.c \
	lib/tnl-gso/stt.h \
	lib/tnl-gso/tnl-gso-buf.c \
	lib/tnl-gso/tnl-gso-buf.h \
	lib/tnl-gso/tnl-gso-complete.c \
	lib/tnl-gso/tnl-gso-config.c \
	lib/tnl-gso/tnl-gso-desc.c \
	lib/tnl-gso/tnl-gso-desc.h \
	lib/tnl-gso/tnl-gso-execute.c \
	lib/tnl-gso/tnl-gso-execute.h \
	lib/tnl-gso/tnl-gso-finish.c \
	lib/tnl-gso/tnl-gso-finish.h \
	lib/tnl-gso/tnl-gso-flags.c \
	lib/tnl-gso/tnl-gso-flags.h \
	lib/tnl-gso/tnl-gso-frames.c \
	lib/tnl-gso/tnl-gso-frames.h \
	lib/tnl-gso/tnl-gso-id.c \
	lib/tnl-gso/tnl-gso-id.h \
	lib/tnl-gso/tnl-gso-marks.c \
	lib/tnl-gso/tnl-gso-merge.c \
	lib/tnl-gso/tnl-gso-merge.h \
	lib/tnl-gso/tnl-gso-packet.h \
	lib/tnl-gso/tnl-gso-parse.c \
	lib/tnl-gso/tnl-gso-parse.h \
	lib/tnl-gso/tnl-gso-plan.c \
	lib/tnl-gso/tnl-gso-plan.h \
	lib/tnl-gso/tnl-gso-rx.c \
	lib/tnl-gso/tnl-gso-rx.h \
	lib/tnl-gso/tnl-gso-seg.c \
	lib/tnl-gso/tnl-gso-seg.h \
	lib/tnl-gso/tnl-gso-push.c \
	lib/tnl-gso/tnl-gso-send.c \
	lib/tnl-gso/tnl-gso-show.c \
	lib/tnl-gso/tnl-gso-show.h \
	lib/tnl-gso/tnl-gso-stats.c \
	lib/tnl-gso/tnl-gso-stats.h \
	lib/tnl-gso/tnl-gso-train.c \
	lib/tnl-gso/tnl-gso-train.h \
	lib/tnl-gso/tnl-gso-types.h \
	lib/tnl-gso/tnl-gso-unixctl.c \
	lib/tnl-gso/tnl-gso-upcall.c \
	lib/tnl-gso/tnl-gso.h \
	lib/tnl-gso/tnl-rco-class.h \
	lib/tnl-gso/tnl-rco-config.c \
	lib/tnl-gso/tnl-rco.c \
	lib/tnl-gso/tnl-rco.h

if LINUX
lib_libopenvswitch_la_SOURCES += \
	lib/tnl-gso/netdev-linux-io.c \
	lib/tnl-gso/netdev-linux-io.h \
	lib/tnl-gso/netdev-linux-life.c \
	lib/tnl-gso/netdev-linux-life.h \
	lib/tnl-gso/netdev-linux-probe.c \
	lib/tnl-gso/netdev-linux-probe.h \
	lib/tnl-gso/netdev-linux-tnl.c \
	lib/tnl-gso/netdev-linux-tnl.h
endif

if DPDK_NETDEV
lib_libopenvswitch_la_SOURCES += \
	lib/tnl-gso/netdev-dpdk-caps.c \
	lib/tnl-gso/netdev-dpdk-rx.h \
	lib/tnl-gso/netdev-dpdk-tnl.c \
	lib/tnl-gso/netdev-dpdk-tnl.h \
	lib/tnl-gso/netdev-dpdk-tx.c
endif

MAN_FRAGMENTS += lib/tnl-gso/stt-unixctl.man
MAN_FRAGMENTS += lib/tnl-gso/tnl-gso-unixctl.man
