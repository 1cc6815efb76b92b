"""Makes what is equal to what should be: plan → generation → reconcile → operate (in this reading order).

All of it runs on the loop, without locks; it knows no HTTP and no framework.
"""
