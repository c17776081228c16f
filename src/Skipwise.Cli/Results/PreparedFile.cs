namespace Skipwise.Cli.Results;

/// <summary>A file of tokens.</summary>
/// <param name="Bytes">of the text, in UTF-8</param>
internal sealed record PreparedFile(string Out, long Documents, long Tokens, long Bytes);
