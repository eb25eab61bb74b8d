# Replaces what is in the current folder by what was unpacked into .maint-restore/new, so that a kill at any instant leaves
# the old or the new: until .maint-restore/emptied is there the old is put back, from then on the new is moved on.
#   prepare   settles what was cut off, and makes .maint-restore/new
#   switch    new for old; then come the owner, mode and times of the folder itself
#   settle    only that
set -eu
umask 077
own=.maint-restore

# A run that was killed may have left one of these at work.
exec 9<.
flock 9 2>/dev/null || :

# Moves all that is in a folder, but for our own.
move() {
  from=$1 to=$2
  set --
  for entry in "$from"/* "$from"/.[!.]* "$from"/..?*; do
    if [ "$entry" = "./$own" ]; then continue; fi
    if [ ! -e "$entry" ] && [ ! -L "$entry" ]; then continue; fi
    set -- "$@" "$entry"
    if [ $# -ge 200 ]; then mv -f "$@" "$to"; set --; fi
  done
  if [ $# -gt 0 ]; then mv -f "$@" "$to"; fi
}

dates() { touch -d "$2" . 2>/dev/null || touch -d "@$1" .; }

undo() {
  if [ -d $own/old ]; then move $own/old .; fi
  seconds='' time=''
  if [ -f $own/was ]; then read -r seconds time <$own/was || :; fi
  # Another may still be unpacking, and about to notice that it is alone.
  rm -rf $own 2>/dev/null || { sleep 1; rm -rf $own; }
  if [ -n "$time" ]; then dates "$seconds" "$time"; fi
}

finish() {
  if [ -d $own/new ]; then move $own/new .; fi
  owner='' mode='' seconds='' time=''
  if [ -f $own/becomes ]; then read -r owner mode seconds time <$own/becomes || :; fi
  if [ -n "$time" ]; then chown "$owner" .; chmod "$mode" .; fi
  sync -f . 2>/dev/null || sync
  # The marker goes last: without it what is old would be put back.
  rm -rf $own/old
  rm -rf $own/new
  rm -f $own/was $own/becomes
  rm -f $own/emptied
  rmdir $own
  if [ -n "$time" ]; then dates "$seconds" "$time"; fi
}

settle() {
  if [ ! -d $own ]; then return 0; fi
  if [ -e $own/emptied ]; then finish; else undo; fi
}

case $1 in
settle) settle ;;
prepare)
  settle
  was=$(stat -c '%Y %y' .)
  mkdir $own
  echo "$was" >$own/was
  mkdir $own/new
  ;;
switch)
  rm -rf $own/new/$own
  echo "$2" >$own/becomes
  mkdir $own/old
  sync -f . 2>/dev/null || sync
  move . $own/old
  sync -f . 2>/dev/null || sync
  : >$own/emptied
  finish
  ;;
esac
