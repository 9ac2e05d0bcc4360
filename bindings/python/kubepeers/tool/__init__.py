"""The tool that people run where discovery does not work.

All that it knows of Kubernetes it asks a `Provider`; here it is only asked, waited for, explained
and shown.
"""
