// ingest/: how audit records come in: sources (files, folders, standard input)
// cut bytes into whole records, and the decoder turns records into events.
#ifndef ODDVERB_INGEST_INGEST_H_
#define ODDVERB_INGEST_INGEST_H_

#include "ingest/decoder.h"
#include "ingest/source.h"

#endif  // ODDVERB_INGEST_INGEST_H_
