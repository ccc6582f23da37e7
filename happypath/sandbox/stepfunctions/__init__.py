"""Step Functions as a service: what is around the interpreter of Amazon States Language, which is moto's.

`executions` is the life of one execution; `operations` answers requests.
Everything else is a part of the one or the other.
"""
