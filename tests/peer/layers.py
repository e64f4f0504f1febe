"""The layers whose tests are run."""

# By file of FINN+'s: the layer that its tests are of.
LAYERS = {
    "test_fpgadataflow_mvau.py": "MVAU",
    "test_fpgadataflow_thresholding.py": "Thresholding",
    "test_fpgadataflow_convinputgenerator.py": "ConvolutionInputGenerator",
    "test_fpgadataflow_fmpadding.py": "FMPadding",
    "test_fpgadataflow_dwc.py": "StreamingDataWidthConverter",
}
