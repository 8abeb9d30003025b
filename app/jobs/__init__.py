"""Large work with progress: a file that is imported, as a job that is watched until it is done.

The request that brings a file only keeps it and answers with the job; a process of its own reads the file, so that the
service goes on answering meanwhile. A dry run tells every fault and changes nothing; the real run is all or nothing.
"""
