using System.CommandLine;
using Skipwise.Documents;

namespace Skipwise.Cli.Flags;

/// <summary>How much a file of text may ask for.</summary>
internal sealed class LimitFlags(Command command)
{
    private static readonly LimitOptions s_default = new();
    private readonly Flag<int> _document = command.Integer("--max-document-mb",
        "maximum size of one document, line or row, in MB; a file with a longer one is refused as broken", s_default.MaxDocumentMegabytes)
        .Sets(nameof(LimitOptions.MaxDocumentMegabytes));
    private readonly Flag<int> _unpacking = command.Integer("--max-decompression-ratio",
        "maximum decompressed size / compressed size of a .gz or .zst file", s_default.MaxDecompressionRatio)
        .Sets(nameof(LimitOptions.MaxDecompressionRatio));

    public LimitOptions Of(ParseResult parse) =>
        new() { MaxDocumentMegabytes = _document.ValueOf(parse), MaxDecompressionRatio = _unpacking.ValueOf(parse) };
}
