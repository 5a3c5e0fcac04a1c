# Included by Open vSwitch's lib/automake.mk: paths are those of its tree, in
# which this directory is lib/tnl-gso.
AM_CPPFLAGS += -I $(srcdir)/lib/tnl-gso

EXTRA_DIST += lib/tnl-gso/version.m4

lib_libopenvswitch_la_SOURCES += \
	lib/tnl-gso/core/csum-copy-avx2.c \
	lib/tnl-gso/core/csum-copy-avx512.c \
	lib/tnl-gso/core/csum-copy-impl.h \
	lib/tnl-gso/core/csum-copy.c \
	lib/tnl-gso/core/csum-copy.h \
	lib/tnl-gso/core/tnl-gro-feedback.c \
	lib/tnl-gso/core/tnl-gro-feedback.h \
	lib/tnl-gso/core/tnl-gso-buf.c \
	lib/tnl-gso/core/tnl-gso-buf.h \
	lib/tnl-gso/core/tnl-gso-id.c \
	lib/tnl-gso/core/tnl-gso-id.h \
	lib/tnl-gso/core/tnl-gso-packet.h \
	lib/tnl-gso/core/tnl-gso-parse.c \
	lib/tnl-gso/core/tnl-gso-parse.h \
	lib/tnl-gso/core/tnl-gso-port.c \
	lib/tnl-gso/core/tnl-gso-port.h \
	lib/tnl-gso/core/tnl-gso-probes.h \
	lib/tnl-gso/core/tnl-gso-settings.c \
	lib/tnl-gso/core/tnl-gso-settings.h \
	lib/tnl-gso/core/tnl-gso-types.h \
	lib/tnl-gso/core/tnl-gso-vnet.h \
	lib/tnl-gso/encap/encap.c \
	lib/tnl-gso/encap/encap.h \
	lib/tnl-gso/encap/geneve.c \
	lib/tnl-gso/encap/gre.c \
	lib/tnl-gso/encap/gre.h \
	lib/tnl-gso/encap/gtpu.c \
	lib/tnl-gso/encap/gtpu.h \
	lib/tnl-gso/encap/ipip.c \
	lib/tnl-gso/encap/list.h \
	lib/tnl-gso/encap/plain.c \
	lib/tnl-gso/encap/stt.c \
	lib/tnl-gso/encap/tnl-rco-class.h \
	lib/tnl-gso/encap/vxlan.c \
	lib/tnl-gso/fix/tnl-gso-complete.c \
	lib/tnl-gso/fix/tnl-gso-complete.h \
	lib/tnl-gso/fix/tnl-gso-marks.c \
	lib/tnl-gso/fix/tnl-gso-marks.h \
	lib/tnl-gso/ports/netdev-afxdp-tnl.c \
	lib/tnl-gso/ports/netdev-afxdp-tnl.h \
	lib/tnl-gso/ports/netdev-dpdk-drivers.c \
	lib/tnl-gso/ports/netdev-dpdk-drivers.h \
	lib/tnl-gso/ports/netdev-dummy-tnl.c \
	lib/tnl-gso/ports/netdev-dummy-tnl.h \
	lib/tnl-gso/ports/netdev-linux-big.c \
	lib/tnl-gso/ports/netdev-linux-big.h \
	lib/tnl-gso/ports/netdev-linux-ufo.c \
	lib/tnl-gso/ports/netdev-linux-ufo.h \
	lib/tnl-gso/ports/netdev-linux-vnet.c \
	lib/tnl-gso/ports/netdev-linux-vnet.h \
	lib/tnl-gso/ports/netdev-stt.c \
	lib/tnl-gso/ports/netdev-stt.h \
	lib/tnl-gso/ports/tnl-gso-ports.c \
	lib/tnl-gso/ports/tnl-gso-rx.c \
	lib/tnl-gso/ports/tnl-gso-rx.h \
	lib/tnl-gso/rco/tnl-rco-config.c \
	lib/tnl-gso/rco/tnl-rco.c \
	lib/tnl-gso/rco/tnl-rco.h \
	lib/tnl-gso/receive/tnl-gro-desc.c \
	lib/tnl-gso/receive/tnl-gro-desc.h \
	lib/tnl-gso/receive/tnl-gro-expect.c \
	lib/tnl-gso/receive/tnl-gro-expect.h \
	lib/tnl-gso/receive/tnl-gro-finish.c \
	lib/tnl-gso/receive/tnl-gro-finish.h \
	lib/tnl-gso/receive/tnl-gro-gather.c \
	lib/tnl-gso/receive/tnl-gro-gather.h \
	lib/tnl-gso/receive/tnl-gro-glance.c \
	lib/tnl-gso/receive/tnl-gro-glance.h \
	lib/tnl-gso/receive/tnl-gro-join.c \
	lib/tnl-gso/receive/tnl-gro-join.h \
	lib/tnl-gso/receive/tnl-gro-match.c \
	lib/tnl-gso/receive/tnl-gro-match.h \
	lib/tnl-gso/receive/tnl-gro-out.c \
	lib/tnl-gso/receive/tnl-gro-turn.h \
	lib/tnl-gso/receive/tnl-gro.c \
	lib/tnl-gso/receive/tnl-gro.h \
	lib/tnl-gso/stages/tnl-gso-desc.c \
	lib/tnl-gso/stages/tnl-gso-desc.h \
	lib/tnl-gso/stages/tnl-gso-execute.c \
	lib/tnl-gso/stages/tnl-gso-execute.h \
	lib/tnl-gso/stages/tnl-gso-finish.c \
	lib/tnl-gso/stages/tnl-gso-finish-ip.h \
	lib/tnl-gso/stages/tnl-gso-finish-mid.c \
	lib/tnl-gso/stages/tnl-gso-finish-mid.h \
	lib/tnl-gso/stages/tnl-gso-finish.h \
	lib/tnl-gso/stages/tnl-gso-flags.c \
	lib/tnl-gso/stages/tnl-gso-flags.h \
	lib/tnl-gso/stages/tnl-gso-frames.c \
	lib/tnl-gso/stages/tnl-gso-frames.h \
	lib/tnl-gso/stages/tnl-gso-plan.c \
	lib/tnl-gso/stages/tnl-gso-plan.h \
	lib/tnl-gso/stages/tnl-gso-seg.c \
	lib/tnl-gso/stages/tnl-gso-seg.h \
	lib/tnl-gso/stages/tnl-gso-train.c \
	lib/tnl-gso/stages/tnl-gso-train.h \
	lib/tnl-gso/stt/stt-config.c \
	lib/tnl-gso/stt/stt-count.c \
	lib/tnl-gso/stt/stt-frame.c \
	lib/tnl-gso/stt/stt-frame.h \
	lib/tnl-gso/stt/stt-header.c \
	lib/tnl-gso/stt/stt-header.h \
	lib/tnl-gso/stt/stt-ledger.c \
	lib/tnl-gso/stt/stt-ledger.h \
	lib/tnl-gso/stt/stt-reasm.c \
	lib/tnl-gso/stt/stt-reasm.h \
	lib/tnl-gso/stt/stt.h \
	lib/tnl-gso/tnl-gso-config.c \
	lib/tnl-gso/tnl-gso-pop.c \
	lib/tnl-gso/tnl-gso-push.c \
	lib/tnl-gso/tnl-gso-send.c \
	lib/tnl-gso/tnl-gso-upcall.c \
	lib/tnl-gso/tnl-gso.h

if LINUX
lib_libopenvswitch_la_SOURCES += \
	lib/tnl-gso/ports/netdev-linux-gro.c \
	lib/tnl-gso/ports/netdev-linux-gro.h \
	lib/tnl-gso/ports/netdev-linux-io.c \
	lib/tnl-gso/ports/netdev-linux-io.h \
	lib/tnl-gso/ports/netdev-linux-life.c \
	lib/tnl-gso/ports/netdev-linux-life.h \
	lib/tnl-gso/ports/netdev-linux-packet-uso.c \
	lib/tnl-gso/ports/netdev-linux-packet-uso.h \
	lib/tnl-gso/ports/netdev-linux-probe.c \
	lib/tnl-gso/ports/netdev-linux-probe.h \
	lib/tnl-gso/ports/netdev-linux-redirect.c \
	lib/tnl-gso/ports/netdev-linux-redirect.h \
	lib/tnl-gso/ports/netdev-linux-relay-probe.c \
	lib/tnl-gso/ports/netdev-linux-relay.c \
	lib/tnl-gso/ports/netdev-linux-relay.h \
	lib/tnl-gso/ports/netdev-linux-tap.c \
	lib/tnl-gso/ports/netdev-linux-tap.h \
	lib/tnl-gso/ports/netdev-linux-tnl.c \
	lib/tnl-gso/ports/netdev-linux-tnl.h \
	lib/tnl-gso/ports/netdev-linux-trial.c \
	lib/tnl-gso/ports/netdev-linux-trial.h
endif

if DPDK_NETDEV
lib_libopenvswitch_la_SOURCES += \
	lib/tnl-gso/ports/netdev-dpdk-caps.c \
	lib/tnl-gso/ports/netdev-dpdk-rx.h \
	lib/tnl-gso/ports/netdev-dpdk-tnl.c \
	lib/tnl-gso/ports/netdev-dpdk-tnl.h \
	lib/tnl-gso/ports/netdev-dpdk-tx.c
endif
