# Included by Open vSwitch's tests/automake.mk: paths are those of its tree, where
# this directory is tests/tnl-gso.
