# Licensed under the Apache License, Version 2.0; see LICENSE.

"""What utilities/ovs-tree is made of.

common   constants, running commands, Error
patch    the queue's files, their hunks and messages
tree     _ovs, a Git repository: making it from the queue, and the way back
check    the rules of the queue; a build after each patch
table    the table of datapath/README.rst
merge    what two changes do to a file
without  the queue without each patch in turn, and the test that then fails
rebase   the queue on another version of Open vSwitch
dist     the series for others
"""
