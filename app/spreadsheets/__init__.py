"""Tables in files, as spreadsheet programs and finance systems write them: CSV and XLSX, in and out.

Nothing here knows the domain. A file is read exactly or refused: a cell becomes the very cents, day or code that
stands in it, or an error that names its row and column and says what was expected. A file is hostile until checked.
"""
