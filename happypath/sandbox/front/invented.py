"""Operations that moto answers with what it makes up: nobody looked, read, listened or ran anything.

An answer that is not there is found by the first try; one that is made up is believed. So these are refused.
"""

from __future__ import annotations

from collections.abc import Mapping

# By the service's name in botocore. Rekognition's are refused where the sandbox's own is put in its place.
INVENTED: Mapping[str, frozenset[str]] = {
    "athena": frozenset({"StartQueryExecution", "GetQueryResults"}),
    "bedrock-runtime": frozenset({"InvokeModel"}),
    "ce": frozenset({"GetCostAndUsage"}),
    "codebuild": frozenset({"StartBuild"}),
    "comprehend": frozenset(
        {
            *("DetectPiiEntities", "DetectKeyPhrases", "DetectSentiment"),
            *("StartPiiEntitiesDetectionJob", "StartKeyPhrasesDetectionJob", "StartSentimentDetectionJob"),
            *("StartTargetedSentimentDetectionJob", "StartDominantLanguageDetectionJob"),
            *("StartEntitiesDetectionJob", "StartTopicsDetectionJob", "StartDocumentClassificationJob"),
            "StartEventsDetectionJob",
        }
    ),
    "glue": frozenset({"StartJobRun"}),
    "polly": frozenset({"SynthesizeSpeech"}),
    "rds-data": frozenset({"ExecuteStatement"}),
    "redshift-data": frozenset({"ExecuteStatement", "GetStatementResult"}),
    "sagemaker-runtime": frozenset({"InvokeEndpoint", "InvokeEndpointAsync"}),
    "textract": frozenset(
        {
            *("DetectDocumentText", "StartDocumentTextDetection", "GetDocumentTextDetection"),
            *("StartDocumentAnalysis", "GetDocumentAnalysis"),
        }
    ),
    "timestream-query": frozenset({"Query"}),
    "transcribe": frozenset({"StartTranscriptionJob", "StartMedicalTranscriptionJob"}),
}
# The names that requests for them are signed with.
SIGNED_AS = frozenset(
    {*INVENTED, "bedrock", "sagemaker", "timestream"} - {"bedrock-runtime", "sagemaker-runtime"}
)
