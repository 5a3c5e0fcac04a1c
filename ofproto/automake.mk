# Included by Open vSwitch's ofproto/automake.mk: paths are those of its tree,
# in which this directory is ofproto/tnl-gso.

ofproto_libofproto_la_SOURCES += \
	ofproto/tnl-gso/stt-unixctl.c \
	ofproto/tnl-gso/tnl-gro-show.c \
	ofproto/tnl-gso/tnl-gso-bridge.c \
	ofproto/tnl-gso/tnl-gso-bridge.h \
	ofproto/tnl-gso/tnl-gso-brief.c \
	ofproto/tnl-gso/tnl-gso-explain.c \
	ofproto/tnl-gso/tnl-gso-metrics.c \
	ofproto/tnl-gso/tnl-gso-names.c \
	ofproto/tnl-gso/tnl-gso-path.c \
	ofproto/tnl-gso/tnl-gso-path.h \
	ofproto/tnl-gso/tnl-gso-paths.c \
	ofproto/tnl-gso/tnl-gso-show.c \
	ofproto/tnl-gso/tnl-gso-show.h \
	ofproto/tnl-gso/tnl-gso-stats.c \
	ofproto/tnl-gso/tnl-gso-told.c \
	ofproto/tnl-gso/tnl-gso-tunnel.c \
	ofproto/tnl-gso/tnl-gso-unixctl.c

MAN_FRAGMENTS += ofproto/tnl-gso/stt-unixctl.man
MAN_FRAGMENTS += ofproto/tnl-gso/tnl-gso-unixctl.man
