using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Skipwise.Evaluation.Results;

/// <summary>Computes the cache key of a response.</summary>
internal static class TrialCacheKey
{
    /// <param name="model">fingerprint of the model</param>
    /// <param name="prompt">token ids</param>
    /// <param name="terms">what else the response depends on: limit and stop tokens of a generated answer, or the ids of a given
    /// one</param>
    public static string Compute(ulong model, ReadOnlySpan<int> prompt, params ReadOnlySpan<int> terms)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> numbers = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(numbers, model);
        BinaryPrimitives.WriteInt64LittleEndian(numbers[8..], prompt.Length);
        hash.AppendData(numbers);
        hash.AppendData(MemoryMarshal.AsBytes(prompt));
        hash.AppendData(MemoryMarshal.AsBytes(terms));
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }
}
