namespace Skipwise.Inference;

/// <summary>
/// Keys and values of texts that were read before, by their tokens, in whole pages. A text with the same beginning takes these pages
/// instead of reading it again.
/// </summary>
/// <remarks>
/// Keys above the first layer depend on all tokens before and on their rotation, so a page belongs to the path from its root, and a root
/// to a rotation.
/// </remarks>
/// <param name="pool">whose pages they are</param>
/// <param name="haveSameRotation">whether texts of two lengths are rotated equally</param>
internal sealed class PrefixTree(KvPagePool pool, Func<int, int, bool> haveSameRotation)
{
    private readonly List<(int Length, Node Root)> _roots = [];
    private long _clock;

    /// <summary>Whether pages were kept since <see cref="Clear"/> or <see cref="Restore"/>.</summary>
    public bool IsChanged { get; private set; }

    /// <summary>Pages that hold the beginning of these tokens, each with one more reference.</summary>
    /// <param name="tokens">that may be shared</param>
    /// <param name="length">length that decides their rotation</param>
    public List<KvPage> Take(ReadOnlySpan<int> tokens, int length)
    {
        var pages = new List<KvPage>();
        Node? node = FindRoot(length);
        while (node is not null && tokens.Length >= KvPageLayout.PageTokens)
        {
            node = node.Find(tokens[..KvPageLayout.PageTokens]);
            if (node is not null)
            {
                node.LastUse = ++_clock;
                node.Page!.References++;
                pages.Add(node.Page);
                tokens = tokens[KvPageLayout.PageTokens..];
            }
        }
        return pages;
    }

    /// <summary>How many of the pages that <see cref="Take"/> would return texts use already, from the first on.</summary>
    public int CountInUse(ReadOnlySpan<int> tokens, int length)
    {
        int count = 0;
        for (Node? node = FindRoot(length); tokens.Length >= KvPageLayout.PageTokens; count++)
        {
            node = node?.Find(tokens[..KvPageLayout.PageTokens]);
            if (node is not { Page.References: > 1 })
            {
                break;
            }
            tokens = tokens[KvPageLayout.PageTokens..];
        }
        return count;
    }

    /// <summary>Keeps these pages, of which the last was just filled, for later texts with these tokens.</summary>
    /// <param name="tokens">of all the pages: whole pages</param>
    /// <param name="pages">that hold them</param>
    /// <param name="length">length that decides their rotation</param>
    /// <returns>the pages that are kept, each with one more reference: another text may have brought them first</returns>
    public List<KvPage> Keep(ReadOnlySpan<int> tokens, IReadOnlyList<KvPage> pages, int length)
    {
        Node? node = FindRoot(length);
        if (node is null)
        {
            node = new Node([], null, null);
            _roots.Add((length, node));
        }
        var kept = new List<KvPage>();
        for (int i = 0; i < tokens.Length / KvPageLayout.PageTokens; i++)
        {
            ReadOnlySpan<int> own = tokens.Slice(i * KvPageLayout.PageTokens, KvPageLayout.PageTokens);
            Node? next = node.Find(own);
            if (next is null)
            {
                IsChanged = true;
                next = new Node(own.ToArray(), pages[i], node);
                node.Children.Add(next);
                pages[i].References++;
            }
            next.LastUse = ++_clock;
            next.Page!.References++;
            kept.Add(next.Page);
            node = next;
        }
        return kept;
    }

    /// <summary>All pages, each after the page before it in its text; of the texts, those used last come first.</summary>
    public List<KeptPage> List()
    {
        var pages = new List<KeptPage>();
        var open = new Stack<(Node Node, int Parent, int Length)>();
        void Open(IEnumerable<(Node Node, int Length)> nodes, int parent)
        {
            foreach ((Node node, int length) in nodes.OrderBy(next => next.Node.LastUse)) // the last one is taken first
            {
                open.Push((node, parent, length));
            }
        }
        Open(_roots.SelectMany(root => root.Root.Children.Select(child => (child, root.Length))), parent: -1);
        while (open.TryPop(out (Node Node, int Parent, int Length) next))
        {
            pages.Add(new(next.Parent, next.Length, next.Node.Tokens, next.Node.Page!));
            Open(next.Node.Children.Select(child => (child, next.Length)), parent: pages.Count - 1);
        }
        return pages;
    }

    /// <summary>Keeps pages that <see cref="List"/> returned, of an earlier engine.</summary>
    /// <param name="pages">each takes one more reference</param>
    public void Restore(IReadOnlyList<KeptPage> pages)
    {
        HashSet<int> parents = [.. pages.Select(page => page.Parent)];
        for (int leaf = pages.Count - 1; leaf >= 0; leaf--) // the text used last becomes that again
        {
            if (parents.Contains(leaf))
            {
                continue;
            }
            var path = new List<KeptPage>();
            for (int i = leaf; i >= 0; i = pages[i].Parent)
            {
                path.Add(pages[i]);
            }
            path.Reverse();
            Keep([.. path.SelectMany(page => page.Tokens)], [.. path.Select(page => page.Page)], path[0].Length).ForEach(pool.Release);
        }
        IsChanged = false;
    }

    /// <summary>Forgets everything, after all texts were released.</summary>
    public void Clear()
    {
        IsChanged = false;
        foreach (KvPage page in Nodes.Select(node => node.Page).OfType<KvPage>().ToArray())
        {
            pool.Release(page);
        }
        _roots.Clear();
    }

    /// <summary>Forgets the end of a prefix that no text uses: of those, the one used least recently.</summary>
    /// <returns>false: there is none</returns>
    public bool ForgetOne()
    {
        Node? oldest = Nodes.Where(node => node is { Children.Count: 0, Page.References: 1 }).MinBy(node => node.LastUse);
        if (oldest is null)
        {
            return false;
        }
        oldest.Parent!.Children.Remove(oldest);
        pool.Release(oldest.Page!);
        _roots.RemoveAll(root => root.Root.Children.Count == 0);
        return true;
    }

    private IEnumerable<Node> Nodes => _roots.SelectMany(root => root.Root.All());

    private Node? FindRoot(int length) => _roots.Find(root => haveSameRotation(root.Length, length)).Root;

    /// <param name="tokens">of this page; none for a root</param>
    /// <param name="page">null for a root</param>
    private sealed class Node(int[] tokens, KvPage? page, Node? parent)
    {
        public IReadOnlyList<int> Tokens => tokens;

        public KvPage? Page => page;

        public Node? Parent => parent;

        public List<Node> Children { get; } = [];

        public long LastUse { get; set; }

        public Node? Find(ReadOnlySpan<int> next)
        {
            foreach (Node child in Children)
            {
                if (child.Holds(next))
                {
                    return child;
                }
            }
            return null;
        }

        /// <summary>This node and all below it.</summary>
        public IEnumerable<Node> All()
        {
            var open = new Stack<Node>([this]);
            while (open.TryPop(out Node? node))
            {
                yield return node;
                node.Children.ForEach(open.Push);
            }
        }

        private bool Holds(ReadOnlySpan<int> next) => next.SequenceEqual(tokens);
    }
}
