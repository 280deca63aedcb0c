"""Tables of labels, as people, programs and spreadsheets write them, and what is guessed about them.

A file becomes text and rows (`text`), rows become columns that mean something (`columns`), what is written
in them becomes names of files (`names`) and labels (`labels`); `reading` puts these together, `preview` shows
them to somebody who is to say what a table means. What was told about a table is `options.TableOptions`.
"""
