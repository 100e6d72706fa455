"""The benchmark of constrained decoding engines: the same schemas, instances and tokens for each, one process apiece.

suites      schemas with instances that are valid or invalid, and seeded samples of them
tokenizers  vocabularies as token bytes, and the tokens of an instance
engines     one small adapter per engine
worker      the process in which one engine runs, with limits on its time and memory
runner      starts workers, asks them, survives their deaths
measure     what is made of the answers: verdicts, percentiles, start-up times
coverage    the whole suite: what is refused, by which feature; what is wrong, and why
report      Markdown from the results, and nothing else
"""
