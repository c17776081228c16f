using System.CommandLine;
using Skipwise.Documents;

namespace Skipwise.Cli.Flags;

/// <summary>How much a file of text may ask for.</summary>
internal sealed class LimitFlags(Command command)
{
    private static readonly LimitOptions s_default = new();
    private readonly Flag<int> _document = command.Integer("--max-document-mb",
        "MB that one document, line or row may take in its file: a longer one is taken for a broken file", s_default.MaxDocumentMegabytes);
    private readonly Flag<int> _unpacking = command.Integer("--max-decompression-ratio",
        "times its own size that a .gz or .zst file may unpack to", s_default.MaxDecompressionRatio);

    public LimitOptions Of(ParseResult parse) =>
        new() { MaxDocumentMegabytes = _document.ValueOf(parse), MaxDecompressionRatio = _unpacking.ValueOf(parse) };
}
