# Included by Open vSwitch's ofproto/automake.mk: paths are those of its tree, where
# this directory is ofproto/tnl-gso.
