using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Skipwise.Tokenizers;

/// <summary>
/// A number by which a token store knows its tokenizer again. It is taken from what the tokenizer does (the text of every id and
/// the ids of a probe), not from its files, so that the same vocabulary in another file format has the same fingerprint. It stands in token
/// stores, which hold neither BOS nor EOS: what adds these to a text asks the tokenizer besides, and nothing may enter here that would make
/// every store one of another tokenizer.
/// </summary>
public static class TokenizerFingerprint
{
    private const string Probe = "The quick brown fox, 1234567 times:\n\n\tit's  naïve — 東京 🦙!!!!!! </s>";

    public static ulong Compute(ITokenizer tokenizer)
    {
        tokenizer = (tokenizer as BoundedTokenizer)?.Unbounded ?? tokenizer; // the probe may hold any token
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
