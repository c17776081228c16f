using Microsoft.Win32.SafeHandles;

namespace Skipwise.Checkpoints;

/// <summary>
/// Reads a row of elements from a file straight into a tensor's memory, which every core helps with: most of the time goes into the page faults of
/// memory that is touched for the first time. What has to be widened goes through a piece that stays in the cache.
/// </summary>
internal static class DirectRead
{
    private const int PieceBytes = 1 << 20;

    /// <param name="offset">first byte in the file</param>
    /// <param name="destination">the first element's own memory; <paramref name="count"/> elements lie there, which can be more than a span holds</param>
    /// <exception cref="SkipwiseException">the file is shorter than it was, or the disk fails</exception>
    public static unsafe void Fill(SafeFileHandle handle, string path, long offset, Span<byte> destination, long count, Widening widening)
    {
        fixed (byte* pinned = destination)
        {
            byte* memory = pinned; // a tensor's memory does not move
            long elements = PieceBytes / widening.Size, pieces = (count + elements - 1) / elements;
            void Read(long piece, byte[]? scratch)
            {
                long start = piece * elements;
                int length = (int)Math.Min(elements, count - start);
                var target = new Span<byte>(memory + (start * widening.Size), length * widening.Size);
                long place = offset + (start * widening.StoredSize);
                if (widening.Convert is null)
                {
                    FileBytes.Read(handle, target, place, path);
                    return;
                }
                Span<byte> stored = scratch.AsSpan(0, length * widening.StoredSize);
                FileBytes.Read(handle, stored, place, path);
                widening.Convert(stored, target);
            }

            byte[]? Scratch() => widening.Convert is null ? null : GC.AllocateUninitializedArray<byte>((int)Math.Min(elements, count) * widening.StoredSize);
            if (pieces == 1)
            {
                Read(0, Scratch());
                return;
            }
            try
            {
                Parallel.For(0, pieces, Scratch, (piece, _, scratch) =>
                {
                    Read(piece, scratch);
                    return scratch;
                }, _ => { });
            }
            catch (AggregateException e) when (e.InnerExceptions[0] is SkipwiseException first)
            {
                throw new SkipwiseException(first.Message, e);
            }
        }
    }
}
