/* Files whose names come from elsewhere: a FIFO would hang us, and a device may do anything. */
#pragma once

/* Opens a regular file for reading, whatever else has the name. Returns -errno on error. */
int regular_open(const char *path);
