using System.Collections.Concurrent;
using System.Text;
using Skipwise.Tokenizers;
using Skipwise.Tokenizers.Training;

namespace Skipwise.Tests.Tokenizers.Training;

/// <summary>The plain definition of byte-level BPE: apply the merges to each piece, in the order in which they were learned.</summary>
internal sealed class NaiveBytePairTokenizer(BytePairVocabulary vocabulary) : ITokenizer
{
    private readonly Dictionary<string, int> _ids = vocabulary.Tokens.Select((token, id) => (token, id)).ToDictionary();
    private readonly ConcurrentDictionary<string, int[]> _pieces = []; // property tests encode on several threads

    public int VocabularySize => vocabulary.Tokens.Count;
    public int? BosId => 1;
    public int? EosId => 2;
    public bool AddsBos => true;

    public int[] Encode(string text) => [.. BytePairPieces.Cut(text).SelectMany(EncodePiece)];

    public string Decode(ReadOnlySpan<int> ids)
    {
        var bytes = new List<byte>();
        foreach (int id in ids)
        {
            bytes.AddRange(ByteAlphabet.ToBytes(vocabulary.Tokens[id]));
        }
        return Encoding.UTF8.GetString([.. bytes]);
    }

    private int[] EncodePiece(string piece)
    {
        if (_pieces.TryGetValue(piece, out int[]? known))
        {
            return known;
        }

        List<string> parts = [.. piece.Select(character => character.ToString())];
        foreach ((string left, string right) in vocabulary.Merges)
        {
            for (int i = 0; i + 1 < parts.Count; i++)
            {
                if (parts[i] == left && parts[i + 1] == right)
                {
                    parts[i] = left + right;
                    parts.RemoveAt(i + 1);
                }
            }
        }
        return _pieces[piece] = [.. parts.Select(part => _ids[part])];
    }
}
