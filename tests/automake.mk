# Included by Open vSwitch's tests/automake.mk: paths are those of its tree,
# where this directory is tests/tnl-gso.

tests_ovstest_SOURCES += \
	tests/tnl-gso/bench/bench-tnl-gso.c \
	tests/tnl-gso/bench/bench.h \
	tests/tnl-gso/bench/gro.c \
	tests/tnl-gso/bench/measure.c \
	tests/tnl-gso/bench/reassembly.c \
	tests/tnl-gso/bench/ways.c \
	tests/tnl-gso/unit/big-receive.c \
	tests/tnl-gso/unit/big-receive.h \
	tests/tnl-gso/unit/stt-lifecycle.c \
	tests/tnl-gso/unit/stt-lifecycle-ports.c \
	tests/tnl-gso/unit/stt-lifecycle.h \
	tests/tnl-gso/unit/stt-lifecycle-ports.h \
	tests/tnl-gso/unit/stt-ref.c \
	tests/tnl-gso/unit/stt-ref.h \
	tests/tnl-gso/unit/test-netdev-afxdp.c \
	tests/tnl-gso/unit/test-netdev-dpdk-drivers.c \
	tests/tnl-gso/unit/test-stream-accept.c \
	tests/tnl-gso/unit/test-stt-attack.c \
	tests/tnl-gso/unit/test-stt-reasm-events.c \
	tests/tnl-gso/unit/test-stt-reasm-memory.c \
	tests/tnl-gso/unit/test-stt-reasm-parts.c \
	tests/tnl-gso/unit/test-stt-reasm-random.c \
	tests/tnl-gso/unit/test-stt-reasm.c \
	tests/tnl-gso/unit/test-stt-reasm.h \
	tests/tnl-gso/unit/test-tnl-gro-diff.c \
	tests/tnl-gso/unit/test-tnl-gro-effort.c \
	tests/tnl-gso/unit/test-tnl-gro-expect.c \
	tests/tnl-gso/unit/test-tnl-gro-mistakes.c \
	tests/tnl-gso/unit/test-tnl-gro-pop.c \
	tests/tnl-gso/unit/test-tnl-gro-props.c \
	tests/tnl-gso/unit/test-tnl-gro-rules.c \
	tests/tnl-gso/unit/test-tnl-gro-shapes.c \
	tests/tnl-gso/unit/test-tnl-gro.h \
	tests/tnl-gso/unit/test-tnl-gso.c \
	tests/tnl-gso/unit/test-tnl-gso.h \
	tests/tnl-gso/unit/test-tnl-gro-send.c \
	tests/tnl-gso/unit/test-tnl-gso-big.c \
	tests/tnl-gso/unit/test-tnl-gso-big.h \
	tests/tnl-gso/unit/test-tnl-gso-big-rows.c \
	tests/tnl-gso/unit/test-tnl-gso-buf.c \
	tests/tnl-gso/unit/test-tnl-gso-compare.c \
	tests/tnl-gso/unit/test-tnl-gso-compare-frames.c \
	tests/tnl-gso/unit/test-tnl-gso-complete.c \
	tests/tnl-gso/unit/test-tnl-gso-csum.c \
	tests/tnl-gso/unit/test-tnl-gso-cut.c \
	tests/tnl-gso/unit/test-tnl-gso-describe.c \
	tests/tnl-gso/unit/test-tnl-gso-describe-bad.c \
	tests/tnl-gso/unit/test-tnl-gso-frames.c \
	tests/tnl-gso/unit/test-tnl-gso-gtpu.c \
	tests/tnl-gso/unit/test-tnl-gso-limits.c \
	tests/tnl-gso/unit/test-tnl-gso-merge-rules.c \
	tests/tnl-gso/unit/test-tnl-gso-merge.c \
	tests/tnl-gso/unit/test-tnl-gso-nested.c \
	tests/tnl-gso/unit/test-tnl-gso-nested-push.c \
	tests/tnl-gso/unit/test-tnl-gso-nested-ref.c \
	tests/tnl-gso/unit/test-tnl-gso-nested.h \
	tests/tnl-gso/unit/test-tnl-gso-plan.c \
	tests/tnl-gso/unit/test-tnl-gso-plan-rules.c \
	tests/tnl-gso/unit/test-tnl-gso-port.c \
	tests/tnl-gso/unit/test-tnl-gso-port.h \
	tests/tnl-gso/unit/test-tnl-gso-props.c \
	tests/tnl-gso/unit/test-tnl-gso-push.c \
	tests/tnl-gso/unit/test-tnl-gso-rco.c \
	tests/tnl-gso/unit/test-tnl-gso-rco-pop.c \
	tests/tnl-gso/unit/test-tnl-gso-relay.c \
	tests/tnl-gso/unit/test-tnl-gso-rx.c \
	tests/tnl-gso/unit/test-tnl-gso-segment.c \
	tests/tnl-gso/unit/test-tnl-gso-send.c \
	tests/tnl-gso/unit/test-tnl-gso-sizes.c \
	tests/tnl-gso/unit/test-tnl-gso-ufo.c \
	tests/tnl-gso/unit/test-tnl-gso-vnet.c \
	tests/tnl-gso/unit/test-tnl-gso-vnet.h \
	tests/tnl-gso/unit/test-tnl-gso-vnet-frame.c \
	tests/tnl-gso/unit/test-tnl-gso-vnet-rows.c \
	tests/tnl-gso/unit/test-stt.c \
	tests/tnl-gso/unit/test-stt.h \
	tests/tnl-gso/unit/test-stt-lifecycle.c \
	tests/tnl-gso/unit/test-stt-pop.c \
	tests/tnl-gso/unit/test-stt-push.c \
	tests/tnl-gso/tools/tnl-gso-matrix.c \
	tests/tnl-gso/tools/tnl-gso-nics.c \
	tests/tnl-gso/unit/tnl-gro-joinable.c \
	tests/tnl-gso/unit/tnl-gro-judge.c \
	tests/tnl-gso/unit/tnl-gro-list.c \
	tests/tnl-gso/unit/tnl-gro-list.h \
	tests/tnl-gso/unit/tnl-gro-mutate.c \
	tests/tnl-gso/unit/tnl-gro-random.c \
	tests/tnl-gso/unit/tnl-gro-units.c \
	tests/tnl-gso/unit/tnl-gso-pkt.c \
	tests/tnl-gso/unit/tnl-gso-pkt-frame.c \
	tests/tnl-gso/unit/tnl-gso-pkt.h \
	tests/tnl-gso/unit/tnl-gso-ref.c \
	tests/tnl-gso/unit/tnl-gso-ref.h \
	tests/tnl-gso/unit/tnl-gso-ref-parse.c \
	tests/tnl-gso/unit/tnl-gso-train.c \
	tests/tnl-gso/unit/tnl-gso-train.h

if DPDK_NETDEV
tests_ovstest_SOURCES += \
	tests/tnl-gso/bench/bench-tnl-gro-dpdk.c \
	tests/tnl-gso/bench/bench-tnl-gso-dpdk.c \
	tests/tnl-gso/unit/test-netdev-dpdk-rx.c \
	tests/tnl-gso/unit/test-tnl-gso-dpdk.c \
	tests/tnl-gso/unit/test-tnl-gso-dpdk-caps.c \
	tests/tnl-gso/unit/test-tnl-gso-dpdk-refused.c \
	tests/tnl-gso/unit/test-tnl-gso-dpdk-tx.c \
	tests/tnl-gso/unit/tnl-gso-dpdk.c \
	tests/tnl-gso/unit/tnl-gso-dpdk.h \
	tests/tnl-gso/unit/tnl-gso-dpdk-driver.c \
	tests/tnl-gso/unit/tnl-gso-dpdk-driver.h
endif

# Built by tests/run-fuzz alone, in a build directory of its own.
EXTRA_PROGRAMS += tests/tnl-gso/fuzz/fuzz-tnl-gso
tests_tnl_gso_fuzz_fuzz_tnl_gso_SOURCES = \
	tests/tnl-gso/fuzz/fuzz-tnl-gso.c \
	tests/tnl-gso/unit/test-tnl-gso-compare.c \
	tests/tnl-gso/unit/test-tnl-gso-compare-frames.c \
	tests/tnl-gso/unit/tnl-gso-pkt.c \
	tests/tnl-gso/unit/tnl-gso-pkt-frame.c \
	tests/tnl-gso/unit/tnl-gso-ref.c \
	tests/tnl-gso/unit/tnl-gso-ref-parse.c
tests_tnl_gso_fuzz_fuzz_tnl_gso_LDADD = lib/libopenvswitch.la

EXTRA_PROGRAMS += tests/tnl-gso/fuzz/fuzz-tnl-gso-vnet
tests_tnl_gso_fuzz_fuzz_tnl_gso_vnet_SOURCES = \
	tests/tnl-gso/fuzz/fuzz-tnl-gso-vnet.c \
	tests/tnl-gso/unit/big-receive.c
tests_tnl_gso_fuzz_fuzz_tnl_gso_vnet_LDADD = lib/libopenvswitch.la
EXTRA_PROGRAMS += tests/tnl-gso/fuzz/fuzz-tnl-gso-merge
tests_tnl_gso_fuzz_fuzz_tnl_gso_merge_SOURCES = \
	tests/tnl-gso/fuzz/fuzz-tnl-gso-merge.c \
	tests/tnl-gso/unit/test-tnl-gso-compare.c \
	tests/tnl-gso/unit/test-tnl-gso-compare-frames.c \
	tests/tnl-gso/unit/tnl-gro-joinable.c \
	tests/tnl-gso/unit/tnl-gro-judge.c \
	tests/tnl-gso/unit/tnl-gro-list.c \
	tests/tnl-gso/unit/tnl-gro-units.c \
	tests/tnl-gso/unit/tnl-gso-pkt.c \
	tests/tnl-gso/unit/tnl-gso-pkt-frame.c \
	tests/tnl-gso/unit/tnl-gso-ref.c \
	tests/tnl-gso/unit/tnl-gso-ref-parse.c \
	tests/tnl-gso/unit/tnl-gso-train.c
tests_tnl_gso_fuzz_fuzz_tnl_gso_merge_LDADD = lib/libopenvswitch.la
EXTRA_PROGRAMS += tests/tnl-gso/fuzz/fuzz-tnl-gro
tests_tnl_gso_fuzz_fuzz_tnl_gro_SOURCES = \
	tests/tnl-gso/fuzz/fuzz-tnl-gro.c \
	tests/tnl-gso/unit/test-tnl-gso-compare.c \
	tests/tnl-gso/unit/test-tnl-gso-compare-frames.c \
	tests/tnl-gso/unit/tnl-gro-joinable.c \
	tests/tnl-gso/unit/tnl-gro-judge.c \
	tests/tnl-gso/unit/tnl-gro-list.c \
	tests/tnl-gso/unit/tnl-gro-units.c \
	tests/tnl-gso/unit/tnl-gso-pkt.c \
	tests/tnl-gso/unit/tnl-gso-pkt-frame.c \
	tests/tnl-gso/unit/tnl-gso-ref.c \
	tests/tnl-gso/unit/tnl-gso-ref-parse.c
tests_tnl_gso_fuzz_fuzz_tnl_gro_LDADD = lib/libopenvswitch.la
EXTRA_PROGRAMS += tests/tnl-gso/fuzz/fuzz-stt-pop
tests_tnl_gso_fuzz_fuzz_stt_pop_SOURCES = \
	tests/tnl-gso/fuzz/fuzz-stt-pop.c \
	tests/tnl-gso/unit/stt-lifecycle.c \
	tests/tnl-gso/unit/stt-lifecycle-ports.c \
	tests/tnl-gso/unit/stt-lifecycle.h \
	tests/tnl-gso/unit/stt-lifecycle-ports.h \
	tests/tnl-gso/unit/tnl-gso-ref.c \
	tests/tnl-gso/unit/tnl-gso-ref-parse.c
tests_tnl_gso_fuzz_fuzz_stt_pop_LDADD = lib/libopenvswitch.la

EXTRA_PROGRAMS += tests/tnl-gso/fuzz/fuzz-stt-reasm
tests_tnl_gso_fuzz_fuzz_stt_reasm_SOURCES = \
	tests/tnl-gso/fuzz/fuzz-stt-reasm.c \
	tests/tnl-gso/unit/stt-ref.c
tests_tnl_gso_fuzz_fuzz_stt_reasm_LDADD = lib/libopenvswitch.la

EXTRA_PROGRAMS += tests/tnl-gso/fuzz/fuzz-tnl-gso-rco
tests_tnl_gso_fuzz_fuzz_tnl_gso_rco_SOURCES = \
	tests/tnl-gso/fuzz/fuzz-tnl-gso-rco.c \
	tests/tnl-gso/unit/test-tnl-gso-compare.c \
	tests/tnl-gso/unit/test-tnl-gso-compare-frames.c \
	tests/tnl-gso/unit/test-tnl-gso-rco-pop.c \
	tests/tnl-gso/unit/tnl-gso-pkt.c \
	tests/tnl-gso/unit/tnl-gso-pkt-frame.c \
	tests/tnl-gso/unit/tnl-gso-ref.c \
	tests/tnl-gso/unit/tnl-gso-ref-parse.c
tests_tnl_gso_fuzz_fuzz_tnl_gso_rco_LDADD = lib/libopenvswitch.la

# Built by tests/run-bench alone: upstream's checksums at their best.
EXTRA_PROGRAMS += tests/tnl-gso/bench/bench-native
tests_tnl_gso_bench_bench_native_SOURCES = \
	tests/ovstest.c \
	tests/ovstest.h \
	tests/tnl-gso/bench/bench-tnl-gso.c \
	tests/tnl-gso/bench/bench.h \
	tests/tnl-gso/bench/csum-native.c \
	tests/tnl-gso/bench/gro.c \
	tests/tnl-gso/bench/measure.c \
	tests/tnl-gso/bench/reassembly.c \
	tests/tnl-gso/bench/ways.c \
	tests/tnl-gso/unit/tnl-gso-pkt.c \
	tests/tnl-gso/unit/tnl-gso-pkt-frame.c \
	tests/tnl-gso/unit/tnl-gso-ref.c \
	tests/tnl-gso/unit/tnl-gso-ref-parse.c
tests_tnl_gso_bench_bench_native_CFLAGS = $(AM_CFLAGS) -march=native
tests_tnl_gso_bench_bench_native_LDADD = lib/libopenvswitch.la
