dnl Licensed under the Apache License, Version 2.0; see LICENSE.
dnl
dnl The version of tnl-gso: read by this repository's configure.ac and by Open
dnl vSwitch's.
m4_define([TNL_GSO_VERSION], [0.1])

dnl In Open vSwitch's configure.ac: whatever has the patches says so, and with
dnl which version, in "--version" and all that comes from it.  A packager's
dnl --with-version-suffix follows.  Python takes this form for a version, too
dnl (PEP 440, "local version identifiers").
AC_DEFUN([TNL_GSO_VERSION_SUFFIX],
  [dnl "make distcheck" hands over all of it.
   AS_CASE([$with_version_suffix], [+tnlgso*], [],
     [with_version_suffix=+tnlgso[]TNL_GSO_VERSION[]$with_version_suffix])])
