/* Files that are written where others may write, too. */
#pragma once

/* Opens a file for writing, empty: a new one is its owner's alone. In a sticky folder where
 * everybody may write, such as /tmp, what somebody else has put there is neither followed nor
 * written to, unless the folder is theirs: as by fs.protected_symlinks and its kin (proc(5)),
 * whatever these are set to. Returns a descriptor or -errno; -EACCES for that reason. */
int create_file(const char *path);
