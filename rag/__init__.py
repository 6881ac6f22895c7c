"""The two flows, as a map of file names.

Upload to searchable::

    pages/documents.py -> library.py -> [queue] -> jobs.py -> ingest.py
        ingest.py:  pdf.py -> layout.py -> chunking.py -> situate.py -> providers (embed) -> publish

Question to checked answer::

    pages/chat.py -> conversation.py (background thread) -> answer.py
        answer.py:  search.py -> providers (stream) -> citations verified against stored sentences
        search.py:  providers (embed) -> db.search (dense, BM25) -> fusion.py -> providers (rerank) -> hits with their trace

Nothing in this package imports Streamlit; nothing in it holds SQL. All wiring is in deps.py.
"""
