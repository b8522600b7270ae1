# The steps that `dh --with pathpatch` adds: contents are complete before dh_installdeb, which takes the
# trigger and the preinst lines; the control file is there only after dh_gencontrol.
use strict;
use warnings;
use Debian::Debhelper::Dh_Lib;

insert_before('dh_installdeb', 'dh_pathpatch');
insert_after('dh_gencontrol', 'dh_pathpatch_field');

1;
