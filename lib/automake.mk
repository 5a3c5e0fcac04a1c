# Included by Open vSwitch's lib/automake.mk: paths are those of its tree, where
# this directory is lib/tnl-gso.
