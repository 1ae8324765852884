"""The ladder: resolve, connect, starttls, tls, stream; one way to reach a target.

Foreign exceptions end here. What leaves this package is `ProbeFailed`,
`ProbeInconclusive`, or a cancellation by the runner's deadline.
"""
