namespace Skipwise.Models;

/// <summary>Default lengths of an evaluation.</summary>
internal static class DefaultLengths
{
    private const int Fewest = 4;
    private const int Shortest = 64;

    /// <summary>The model's window and its halves, ascending: down to the window before the extension, and at least to an eighth.</summary>
    public static IReadOnlyList<int> For(DecoderConfig model)
    {
        int original = ContextExtension.OriginalLength(model);
        var lengths = new List<int>();
        for (int length = model.MaxPositionEmbeddings; length >= Shortest && (length >= original || lengths.Count < Fewest); length /= 2)
        {
            lengths.Insert(0, length);
        }
        return lengths.Count > 0 ? lengths : [model.MaxPositionEmbeddings];
    }
}
