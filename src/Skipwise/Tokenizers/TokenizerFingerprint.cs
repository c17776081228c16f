using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Skipwise.Tokenizers;

/// <summary>
/// The fingerprint of a tokenizer, by which a token store recognizes it. It is computed from the tokenizer's behaviour (the text of every
/// id and the ids of a probe) and not from its files, so the same vocabulary in another file format has the same fingerprint. Token stores
/// contain neither BOS nor EOS, so these are not part of it. Its definition must not change, or every existing store would seem to be of
/// another tokenizer.
/// </summary>
public static class TokenizerFingerprint
{
    private const string Probe = "The quick brown fox, 1234567 times:\n\n\tit's  naïve — 東京 🦙!!!!!! </s>";

    /// <summary>Computes the fingerprint.</summary>
    public static ulong Compute(ITokenizer tokenizer)
    {
        tokenizer = (tokenizer as BoundedTokenizer)?.Unbounded ?? tokenizer; // the probe may contain any token
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Add(tokenizer.VocabularySize);
        for (int id = 0; id < tokenizer.VocabularySize; id++)
        {
            byte[] text = Encoding.UTF8.GetBytes(tokenizer.Decode([id]));
            Add(text.Length);
            hash.AppendData(text);
        }
        foreach (int id in tokenizer.Encode(Probe))
        {
            Add(id);
        }
        return BinaryPrimitives.ReadUInt64LittleEndian(hash.GetHashAndReset());

        void Add(int number)
        {
            Span<byte> bytes = stackalloc byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
            hash.AppendData(bytes);
        }
    }
}
