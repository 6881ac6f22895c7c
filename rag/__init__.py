"""The two flows, as a map of file names.

Upload to searchable::

    pages/documents.py -> library.py (shelves.py: collections; names.py) -> [queue] -> jobs.py -> ingest.py, then situate.py
        jobs.py:      worker.py runs them; holding.py (a job has its document alone), reclaiming.py (what dead workers left), progress.py (pause, retry)
        ingest.py:    pdf.py (pages kept as they come) -> chunking.py, page_notes.py -> publication.py (embed, publish)
        filling.py:   another embedder's vectors for what is published already (embedding.py: which embedder serves)
        situate.py:   windows.py -> plan.py (what will be sent) -> calls.py (paced), or batching.py -> providers (write)
                      -> contexts.py (each answer stored with its cost) -> publication.py again
        pdf.py:       sandbox.py, and inside it (confined.py) page by page: reader.py -> pdfium.py, pictures.py, glyphs.py (bidi.py, unseen.py)
                      and strokes.py -> page.py; at the end words.py, lattice.py -> ruled.py, columns.py, margins.py, tables.py, grids.py,
                      titles.py, hyphens.py -> layout.py -> captions.py, continuation.py
        ocr.py:       another child process, for pages that legibility.py finds without text: recogniser.py (RapidOCR) -> scans.py -> words.py
        chunking.py:  sentences.py, profile.py (what a document says of itself) -> structure.py (the structural context)

Question to checked answer::

    pages/chat.py -> conversation.py (kept, asked again, brought back) -> producer.py (background threads own the answer; outage.py) -> answer.py
        answer.py:    a follow-up made to stand alone (providers; followup.py without a model) -> search.py -> reading.py (neighbours join),
                      or whole.py (documents read whole) -> history.py -> providers (stream)
                      -> draft.py (claims verified against stored sentences), attribution.py (which sentence of the answer rests on which)
        without one:  support.py (whether what was found holds an answer) -> providers/extract.py (quotes: excerpt.py, differing.py)
        search.py:    text.py, embedding.py (the question's vector) -> db.search (dense, BM25) -> fusion.py -> providers (rerank), within deadline.py -> hits with their trace (trace.py)

Before the first question: suggestions.py. What was made of answers: feedback.py (thumbs, offered as questions to measure with), export.py
(Markdown with numbered references: answer_tree.py, uncited.py -> markdown.py).

Measuring: evaluate.py asks search.py the questions of question_sets.py (from question_files.py, or own_questions.py) on the copies that
scratch.py makes (plain_text.py reads texts), situated by scratch_contexts.py where a price is allowed;
ladder.py and metrics.py make the figures, ladder_table.py shows them on a terminal.

Which models there are decides deps.py, the only wiring; which of them serve, and who may read the text, consent.py by what each person chose
(preferences.py) among what there is (choices.py; connections.py tries whether it answers). What that is expected to cost tells estimates.py,
and what it did cost usage.py, at the prices of prices.toml (prices.py).
serve.py, tether.py and cli.py start processes, keeping.py keeps the embedded database; commands.py, intake.py (ingest), backup.py and
operating.py are what the command line does, doctor.py and stuck.py what is wrong. What is told of all this: logs.py (redaction.py
blots secrets out); listening.py answers probes and gives metrics (instruments.py), tracing.py sends spans; telemetry.py keeps libraries from
reporting to their makers.
page_images.py draws pages for the browser and keeps them, originals.py gives the files back; inspection.py lays a search open; retriever.py gives it to LangChain.
Nothing in this package imports Streamlit, and nothing in it holds SQL.
"""

from rag import telemetry

telemetry.switch_off()
